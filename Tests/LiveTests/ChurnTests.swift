import TestSupport
import Testing

@Suite("Processes and sockets that come and go", .onTestHost, .hangLimit)
struct ChurnTests {
  private static let collectors = [
    "sockstat", "tcp", "process", "listener", "port", "zombie", "limit",
  ]
  /// Passing processes that live at a time, and the sockets each of them has (see
  /// `make_passing_sockets`).
  private static let most = 16.0
  private static let socketsEach = 4.0

  /// One process that holds sockets of every kind, and one at the other end.
  private static func holdStill(_ host: TestHost) throws {
    let steady = try host.actor(named: "steady")
    let peer = try host.actor(named: "peer")
    let listener = try steady.listen(port: 80)
    for _ in 0..<3 { try peer.connect(to: listener, of: steady) }
    for _ in 0..<2 {
      let connection = try peer.connect(to: listener, of: steady)
      try peer.shutdown(connection.own)
    }
    try steady.bind(steady.socket(.udp4))
    try steady.unixPair()
    try steady.bindNetlink(steady.socket(.netlink))
    _ = try steady.socket(.raw4)
    for _ in 0..<2 { _ = try steady.socket(.udp6) }
    try steady.bearChildren(3, .byDefault)
  }

  /// - Parameter isExact: whether it is certain which process had a number that is used again at once.
  private static func expectUndisturbed(_ page: MetricPage, isExact: Bool) {
    for collector in collectors {
      let labels = ["collector": collector]
      #expect(page.value("socket_exporter_collector_success", labels) == 1, "\(collector)")
      #expect(page.value("socket_exporter_collector_errors_total", labels) == 0, "\(collector)")
    }
    #expect(page.value("socket_processes_unreadable") == 0)

    expectGroup(
      "steady", page, ["tcp": 6, "udp": 1, "unix": 2, "netlink": 1, "raw": 1, "unbound": 2],
      states: ["listen": 1, "established": 3, "close_wait": 2])
    expectGroup("peer", page, ["tcp": 5], states: ["established": 3, "fin_wait2": 2])
    for (name, count) in [("steady", 1.0), ("peer", 1)] {
      #expect(page.instances(of: name) == count, "\(name)")
    }
    #expect(page.value("socket_zombie_children", ["parent": "steady", "sigchld": "default"]) == 3)
    let port = page.rows("socket_listener_tcp_sockets", by: "state", ["port": "80"])
    #expect(port == ["listen": 1, "established": 3, "close_wait": 2])

    // Whoever comes and goes has no more than it made, and who has none has none. A child has its
    // parent's name until it takes its own, and the walk takes long enough to meet some that were
    // born meanwhile: one may have sockets by the time its descriptors are read. The two churners
    // that stay have none.
    let bornMeanwhile = max((page.instances(of: "churner") ?? 0) - 2, 0)
    for (name, atMost) in [("empty", 0), ("churner", bornMeanwhile)] {
      let held = page.socketDescriptors(of: name) ?? 0
      let holders = isExact ? atMost : page.instances(of: name) ?? 0
      #expect(held <= holders * socketsEach, "\(name)")
    }
    let passing = page.instances(of: "passing") ?? 0
    #expect(passing <= 2 * most)
    #expect(
      page.socketDescriptors(of: "passing") ?? 0 <= passing * socketsEach,
      "\(page.rows("socket_pid_socket_fds", by: "pid", ["process": "passing"]))")
    for state in ["listen", "close_wait", "fin_wait2", "established"] {
      let held = page.rows("socket_process_tcp_sockets", by: "state", of: "passing")[state] ?? 0
      // While they connect there are two, of one process.
      #expect(held <= passing * (state == "established" ? 2 : 1), "\(state)")
    }
    let known: Set = [
      "steady", "peer", "churner", "passing", "empty", "socket-actor", "socket-exporter",
    ]
    let names = Set(page.samples("socket_process_instances").compactMap { $0.labels["process"] })
    // Programs of the test between their start and their taking a name; the last one is a thread of
    // Swift's pool.
    #expect(
      names.subtracting(known).isSubset(
        of: ["curl", "LiveTests", "sh", "spawning", "oot.default-qos"]))
  }

  @Test(
    "a sample now and then: no error, and whoever stays has exactly what is its own",
    arguments: ["bpf", "procfs"])
  func samples(backend: String) async throws {
    try await TestHost.run { host in
      try Self.holdStill(host)
      let churner = try host.actor(named: "churner")
      try churner.startChurning()
      let deadline = Deadline(after: .patience)
      var samples = 0
      while try (samples < 20 || churner.churned() < 1000) && !deadline.hasPassed {
        try Self.expectUndisturbed(host.sample("--backend", backend), isExact: backend == "procfs")
        samples += 1
      }
      #expect(try churner.churned() >= 1000)
      try churner.stopChurning()
    }
  }

  @Test(
    "sample after sample of a server, and in the end nothing is left of those who went",
    arguments: ["bpf", "procfs"])
  func server(backend: String) async throws {
    try await TestHost.run { host in
      try Self.holdStill(host)
      let churner = try host.actor(named: "churner")
      let exporter = try host.serve("--collect.interval=100ms", "--backend", backend)
      try churner.startChurning()
      let deadline = Deadline(after: .patience)
      var seen: Set<Double> = []
      while try (seen.count < 30 || churner.churned() < 2000) && !deadline.hasPassed {
        let page = try host.page(of: exporter) { _ in true }
        Self.expectUndisturbed(page, isExact: backend == "procfs")
        let sampled = page.value(
          "socket_exporter_collector_last_success_timestamp_seconds", ["collector": "process"])
        seen.insert(sampled ?? 0)
      }
      #expect(seen.count >= 30)
      try churner.stopChurning()

      let still = try host.page(of: exporter) {
        $0.instances(of: "passing") == nil && $0.instances(of: "empty") == nil
          && $0.instances(of: "churner") == 1
      }
      Self.expectUndisturbed(still, isExact: true)
      for name in ["passing", "empty"] { expectNoGroup(name, still) }
      expectGroup("churner", still, [:])
      let (outcome, _) = try exporter.stop()
      #expect(outcome.exit == .code(0))
      #expect(!outcome.errors.contains("failed"), "\(outcome.errors)")
    }
  }
}
