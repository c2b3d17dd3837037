import TestSupport
import Testing

extension Trait where Self == ConditionTrait {
  /// For tests that make a host of their own; they are skipped, and said to be, where they cannot.
  static var onTestHost: Self {
    .enabled(if: TestHost.isAvailable, "needs root and permission to make namespaces")
  }
}

/// The states and families in which the host has sockets, for comparison as a whole: whatever is not
/// named must be zero.
func expectSockets(
  _ page: MetricPage, _ expected: [String: [String: Double]],
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let found = page.samples("socket_tcp_sockets").filter { $0.value != 0 }
  let counts = Dictionary(grouping: found) { $0.labels["family"] ?? "no family" }.mapValues {
    Dictionary($0.map { ($0.labels["state"] ?? "no state", $0.value) }) { $0 + $1 }
  }
  #expect(counts == expected, sourceLocation: sourceLocation)
}

/// What the exporter counts is what `ss` lists.
func expectSameAsSocketStatistics(
  _ page: MetricPage, on host: TestHost, sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let statistics = try SocketStatistics(on: host)
  #expect(SocketStatistics(page) == statistics, sourceLocation: sourceLocation)
}

extension MetricPage {
  /// The socket descriptors of a group, whatever their kind; nil where the page does not speak of it.
  func socketDescriptors(of process: String) -> Double? {
    let rows = samples("socket_process_socket_fds").filter { $0.labels["process"] == process }
    return rows.isEmpty ? nil : rows.reduce(0) { $0 + $1.value }
  }

  func openDescriptors(of process: String) -> Double? {
    value("socket_process_open_fds", ["process": process])
  }

  func instances(of process: String) -> Double? {
    value("socket_process_instances", ["process": process])
  }

  func sockets(_ state: String, _ family: String = "ipv4") -> Double? {
    value("socket_tcp_sockets", ["state": state, "family": family])
  }
}
