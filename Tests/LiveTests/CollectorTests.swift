import TestSupport
import Testing

@Suite("Collectors on their own", .onTestHost, .hangLimit)
struct CollectorTests {
  private static let prefixes = [
    "sockstat": ["socket_sockstat_"], "tcp": ["socket_tcp_"],
    "process": ["socket_process_", "socket_pid_", "socket_processes_unreadable"],
    "listener": ["socket_listener"], "port": ["socket_ephemeral_ports"],
    "zombie": ["socket_zombie", "socket_processes"],
    "limit": [
      "socket_file_handles", "socket_listen_backlog_limit", "socket_syn_backlog_limit",
      "socket_conntrack_", "socket_sockstat_tcp_time_wait_limit",
      "socket_sockstat_tcp_orphans_limit", "socket_sockstat_memory_limit_bytes",
    ],
  ]
  /// Of the whole machine, or of the exporter's own doing: their values are not the test's.
  private static let restless = [
    "socket_sockstat_sockets_used", "socket_sockstat_tcp_orphans", "socket_sockstat_tcp_allocated",
    "socket_sockstat_memory_bytes", "socket_file_handles",
    "socket_process_close_wait_oldest_seconds",
    "socket_zombie_oldest_seconds",
  ]

  /// What a collector says, less what changes from sample to sample.
  private static func said(_ collector: String, _ page: MetricPage) -> Set<MetricPage.Sample> {
    let prefixes = prefixes[collector] ?? []
    let limits = Self.prefixes["limit"] ?? []
    return Set(
      page.families.flatMap(\.samples).compactMap { sample in
        guard prefixes.contains(where: sample.name.hasPrefix),
          collector == "limit" || !limits.contains(where: sample.name.hasPrefix),
          collector != "zombie" || sample.name != "socket_processes_unreadable",
          sample.labels["process"] != "socket-exporter"
        else { return nil }
        return MetricPage.Sample(
          name: sample.name, labels: sample.labels,
          value: restless.contains(sample.name) ? 0 : sample.value)
      })
  }

  private static func populate(_ host: TestHost) throws {
    let server = try host.actor(named: "server")
    let client = try host.actor(named: "client")
    let listener = try server.listen(port: 80)
    for _ in 0..<3 { try client.connect(to: listener, of: server) }
    let leaking = try client.connect(to: listener, of: server)
    try client.shutdown(leaking.own)
    try client.connect(to: listener)
    try server.bind(server.socket(.udp6), to: "::1")
    try server.bearChildren(2, .byDefault)
  }

  @Test(
    "each says the same on its own as with the others", arguments: prefixes.keys.sorted())
  func alone(collector: String) async throws {
    try await TestHost.run { host in
      try Self.populate(host)
      let whole = try host.sample { $0.sockets("fin_wait2") == 1 }
      let others = Self.prefixes.keys.filter { $0 != collector }
      let page = try host.sample(others.map { "--no-collector.\($0)" })
      var expected = Self.said(collector, whole)
      if collector == "listener" {
        // Who holds them is not its business.
        expected = Set(
          expected.map { sample in
            var labels = sample.labels
            if labels["process"] != nil { labels["process"] = "unknown" }
            return MetricPage.Sample(name: sample.name, labels: labels, value: sample.value)
          })
      }
      #expect(!expected.isEmpty)
      #expect(Self.said(collector, page).subtracting(expected) == [])
      #expect(expected.subtracting(Self.said(collector, page)) == [])
      for other in others {
        #expect(Self.said(other, page).isEmpty, "\(other)")
        #expect(page.value("socket_exporter_collector_success", ["collector": other]) == nil)
      }
      #expect(page.value("socket_exporter_collector_success", ["collector": collector]) == 1)
    }
  }
}
