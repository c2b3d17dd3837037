import TestSupport
import Testing

@Suite("Random hosts", .onTestHost, .hangLimit)
struct RandomHostTests {
  /// What a page says of a process.
  private struct Holding: Equatable {
    var descriptors: Double?
    var shared: Double?
    var kinds: [String: Double]
    var states: [String: Double]
  }

  private static func expected(
    of process: RandomHost.Process, on host: RandomHost, isRead: Bool
  ) -> Holding {
    var holding = Holding(
      descriptors: host.descriptors(of: process), shared: host.shared(of: process),
      kinds: host.kinds(of: process), states: host.states(of: process))
    if !isRead {
      let sum = holding.kinds.values.reduce(0, +)
      holding.kinds = sum == 0 ? [:] : ["other": sum]
      holding.states = [:]
    }
    return holding
  }

  private static func found(
    of process: RandomHost.Process, in namespace: String?, _ page: MetricPage
  ) -> Holding {
    let labels = page.labels(of: process.name, in: namespace)
    func rows(_ name: String, by label: String) -> [String: Double] {
      page.rows(name, by: label, labels).filter { $0.value != 0 }
    }
    return Holding(
      descriptors: page.value("socket_process_open_fds", labels),
      shared: page.value("socket_process_shared_socket_fds", labels),
      kinds: rows("socket_process_socket_fds", by: "kind"),
      states: rows("socket_process_tcp_sockets", by: "state"))
  }

  /// That both backends say so as well is seen to by `sample`.
  @Test("every process holds what it was given, whatever happened", arguments: 1...10)
  func random(seed: UInt64) async throws {
    try await TestHost.run { host in
      var random = try RandomHost(host, seed: seed)
      for round in 1...2 {
        try random.live(steps: 60)
        for scope in ["own", "all"] {
          func pairs(_ page: MetricPage) -> [(name: String, expected: Holding, found: Holding)] {
            random.processes.map { process in
              let isRead = scope == "all" || process.namespace == nil
              let namespace = scope == "all" ? process.namespace : nil
              return (
                process.name, Self.expected(of: process, on: random, isRead: isRead),
                Self.found(of: process, in: namespace, page)
              )
            }
          }
          let page = try host.sample("--netns", scope) {
            pairs($0).allSatisfy { $0.expected == $0.found }
          }
          for (name, expected, found) in pairs(page) {
            #expect(found == expected, "seed \(seed), round \(round), --netns \(scope): \(name)")
          }
          #expect(page.value("socket_processes_unreadable") == 0, "seed \(seed)")
        }
      }
    }
  }
}
