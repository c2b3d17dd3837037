import TestSupport
import Testing

extension Trait where Self == ConditionTrait {
  /// For tests that make a host of their own; they are skipped, and said to be, where they cannot.
  static var onTestHost: Self {
    .enabled(if: TestHost.isAvailable, "needs root and permission to make namespaces")
  }
}

extension Trait where Self == TimeLimitTrait {
  /// Ends a test that hangs. It counts from when a test could begin, so also the time that it waits for
  /// one of the few threads of ``onBlockingThread(_:)``: it must be longer than all tests together,
  /// also on a machine that has much else to do.
  static var hangLimit: Self { .timeLimit(.minutes(60)) }
}

/// The states and families in which the host has sockets, for comparison as a whole: whatever is not
/// named must be zero.
///
/// - Parameter namespace: what another network namespace than the exporter's is called.
func expectSockets(
  _ page: MetricPage, in namespace: String? = nil, _ expected: [String: [String: Double]],
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let found = page.samples("socket_tcp_sockets").filter {
    $0.value != 0 && $0.labels["netns"] == namespace
  }
  let counts = Dictionary(grouping: found) { $0.labels["family"] ?? "no family" }.mapValues {
    Dictionary($0.map { ($0.labels["state"] ?? "no state", $0.value) }) { $0 + $1 }
  }
  #expect(counts == expected, sourceLocation: sourceLocation)
}

/// What the exporter counts is what `ss` lists.
///
/// `ss` is asked again where it lists something else: a timer that runs out at the very moment it
/// looks is none until the kernel has set it again.
///
/// - Parameter isQuiet: whether no byte moves and no timer runs out meanwhile, so that queues and
///   timers are compared, too.
func expectSameAsSocketStatistics(
  _ page: MetricPage, on host: TestHost, isQuiet: Bool = true,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let found = SocketStatistics(page)
  func isSame(_ listed: SocketStatistics) -> Bool {
    listed.counts == found.counts
      && (!isQuiet || listed.queueBytes == found.queueBytes && listed.timers == found.timers)
  }
  var statistics = try SocketStatistics(on: host)
  for _ in 1..<5 where !isSame(statistics) { statistics = try SocketStatistics(on: host) }
  func expectSame(_ path: KeyPath<SocketStatistics, [[String: String]: Double]>) {
    let (exporters, others) = (found[keyPath: path], statistics[keyPath: path])
    #expect(exporters.keys == others.keys, sourceLocation: sourceLocation)
    let different = exporters.filter { others[$0.key] != $0.value }
    let instead = others.filter { exporters[$0.key] != $0.value }
    #expect(different == instead, sourceLocation: sourceLocation)
  }
  expectSame(\.counts)
  if isQuiet {
    expectSame(\.queueBytes)
    expectSame(\.timers)
  }
}

/// Every kind of socket the exporter tells apart.
let socketKinds: Set = [
  "tcp", "udp", "unix", "netlink", "packet", "raw", "unbound", "other",
]

/// What a group holds, for comparison as a whole: kinds and states that are not named must be zero.
///
/// - Parameter kinds: descriptors that are sockets, by kind.
/// - Parameter states: TCP sockets, by state.
/// - Parameter shared: descriptors whose socket another process holds, too.
func expectGroup(
  _ process: String, in namespace: String? = nil, _ page: MetricPage, _ kinds: [String: Double],
  states: [String: Double] = [:], shared: Double = 0,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let found = page.rows("socket_process_socket_fds", by: "kind", of: process, in: namespace)
  #expect(
    found == kinds.merging(socketKinds.map { ($0, 0) }) { named, _ in named },
    "kinds of \(process)",
    sourceLocation: sourceLocation)
  let foundStates = page.rows("socket_process_tcp_sockets", by: "state", of: process, in: namespace)
  #expect(
    foundStates == states.merging(["close_wait": 0]) { named, _ in named }, "states of \(process)",
    sourceLocation: sourceLocation)
  let labels = page.labels(of: process, in: namespace)
  #expect(
    page.value("socket_process_shared_socket_fds", labels) == shared, "shared of \(process)",
    sourceLocation: sourceLocation)
}

/// Nothing on the page speaks of the group.
func expectNoGroup(
  _ process: String, _ page: MetricPage, sourceLocation: SourceLocation = #_sourceLocation
) {
  let samples = page.families.flatMap(\.samples).filter {
    $0.labels["process"] == process || $0.labels["parent"] == process
  }
  #expect(samples.isEmpty, sourceLocation: sourceLocation)
}

extension MetricPage {
  func labels(of process: String, in namespace: String? = nil) -> [String: String] {
    var labels = ["process": process]
    labels["netns"] = namespace
    return labels
  }

  /// The values of a group's series, by the one label that tells them apart.
  func rows(
    _ name: String, by label: String, of process: String, in namespace: String? = nil
  ) -> [String: Double] {
    rows(name, by: label, labels(of: process, in: namespace))
  }

  /// The values of the series with exactly these labels and one more, by that one.
  func rows(_ name: String, by label: String, _ labels: [String: String] = [:]) -> [String: Double]
  {
    var rows: [String: Double] = [:]
    for sample in samples(name) {
      var others = sample.labels
      guard let key = others.removeValue(forKey: label), others == labels else { continue }
      rows[key] = sample.value
    }
    return rows
  }

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
