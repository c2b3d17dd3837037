import TestSupport
import Testing

@Suite("Where the TCP numbers come from", .onTestHost, .hangLimit)
struct BackendTests {
  private static let backends = "socket_exporter_backend_info"

  /// Sockets in six states of both families.
  private static func populate(_ host: TestHost) throws {
    let server = try host.actor(named: "server")
    let client = try host.actor(named: "client")
    for address in ["127.0.0.1", "::1"] {
      let listener = try server.listen(address)
      try client.connect(to: listener, of: server)
      let halfClosed = try client.connect(to: listener, of: server)
      try client.shutdown(halfClosed.own)
      let closed = try client.connect(to: listener, of: server)
      try client.close(closed.own)
      try server.close(closed.peer)
      try client.connect(to: listener)
    }
  }

  @Test("with netlink, as a rule")
  func sockDiag() async throws {
    try await TestHost.run { host in
      try Self.populate(host)
      let page = try host.sample { $0.sockets("time_wait", "ipv6") == 1 }
      try expectSameAsSocketStatistics(page, on: host)
      #expect(page.value(Self.backends, ["backend": "bpf+sock_diag"]) == 1)
      #expect(page.sum(Self.backends) == 1)
    }
  }

  @Test(
    "where netlink is refused: /proc/net/tcp, the same numbers, and the page says so",
    arguments: [("EPERM", 1), ("EACCES", 13), ("EPROTONOSUPPORT", 93), ("EAFNOSUPPORT", 97)])
  func netlinkRefused(error: (name: String, number: Int)) async throws {
    try await TestHost.run { host in
      try Self.populate(host)
      _ = try host.sample { $0.sockets("time_wait", "ipv6") == 1 }
      let page = try host.sample(wrapper: [
        BuiltProducts.path("socket-actor"), "exec-without-netlink", "\(error.number)",
      ])
      expectSockets(
        page,
        Dictionary(
          uniqueKeysWithValues: ["ipv4", "ipv6"].map {
            (
              $0,
              [
                "listen": 1, "established": 4, "close_wait": 1, "fin_wait2": 1, "time_wait": 1,
              ]
            )
          }))
      try expectSameAsSocketStatistics(page, on: host)
      #expect(page.value(Self.backends, ["backend": "bpf+procfs"]) == 1)
      #expect(page.sum(Self.backends) == 1)
      #expect(page.value("socket_exporter_collector_success", ["collector": "tcp"]) == 1)
      #expect(page.value("socket_exporter_collector_errors_total", ["collector": "tcp"]) == 0)
    }
  }
}

@Suite("Sources that fail", .onTestHost, .hangLimit)
struct FailingSourceTests {
  private static func success(_ page: MetricPage, _ collector: String) -> Double? {
    page.value("socket_exporter_collector_success", ["collector": collector])
  }

  /// Where /proc should be, a directory with nothing in it but a process that tells nothing.
  private static func bareDirectory(on host: TestHost) throws -> String {
    let directory = host.directory + "/bare"
    try host.shell("mkdir -p \"$1/1\"", directory)
    return directory
  }

  @Test("a source that fails fails alone: its numbers are absent, the others are served")
  func failsAlone() async throws {
    try await TestHost.run { host in
      _ = try host.actor(named: "actor").listen()
      let page = try host.sample(
        "--path.procfs", Self.bareDirectory(on: host), exit: .code(1))
      #expect(Self.success(page, "sockstat") == 0)
      #expect(
        page.value("socket_exporter_collector_errors_total", ["collector": "sockstat"]) == 1)
      #expect(page.samples("socket_sockstat_inuse").isEmpty)
      #expect(page.value("socket_sockstat_tcp_time_wait") == nil)
      #expect(Self.success(page, "tcp") == 1)
      expectSockets(page, ["ipv4": ["listen": 1]])
    }
  }

  @Test("netlink refused and /proc/net missing: no TCP numbers at all")
  func noSourceLeft() async throws {
    try await TestHost.run { host in
      let page = try host.sample(
        "--path.procfs", Self.bareDirectory(on: host),
        wrapper: Exporter.withoutNetlink, exit: .code(1))
      #expect(Self.success(page, "tcp") == 0)
      #expect(page.samples("socket_tcp_sockets").isEmpty)
    }
  }

  @Test("a directory without processes is no /proc: not a host with zero processes")
  func noProcesses() async throws {
    try await TestHost.run { host in
      for command in ["metrics", "serve"] {
        let outcome = try host.run([Exporter.path, command, "--path.procfs", host.directory])
        #expect(outcome.exit == .code(64))
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
        #expect(outcome.errors.contains(host.directory))
      }
    }
  }
}

@Suite("Many sockets", .onTestHost, .hangLimit)
struct LoadTests {
  private static let descriptors = 5500

  @Test(
    "twenty thousand sockets in four processes: the numbers of ss, from either source",
    .enabled(
      if: DescriptorLimit.hard >= descriptors, "needs 5500 descriptors a process (ulimit -Hn)"))
  func twentyThousand() async throws {
    try await TestHost.run { host in
      let perProcess = 5000
      for pair in 1...2 {
        let server = try host.actor(named: "server")
        let client = try host.actor(named: "client")
        let listener = try server.listen(pair == 1 ? "127.0.0.1" : "::1", backlog: 1024)
        try client.connect(to: listener, of: server, count: perProcess)
      }

      let sockets = Double(2 * perProcess)
      let states = ["listen": 1, "established": sockets]
      let refusal = Exporter.withoutNetlink
      for wrapper in [[], refusal] {
        let page = try host.sample(wrapper: wrapper)
        expectSockets(page, ["ipv4": states, "ipv6": states])
        try expectSameAsSocketStatistics(page, on: host)
        #expect(page.instances(of: "server") == 2)
        expectGroup(
          "server", page, ["tcp": sockets + 2], states: ["listen": 2, "established": sockets])
        #expect(page.openDescriptors(of: "server") == sockets + 2 + 6)
        expectGroup("client", page, ["tcp": sockets], states: ["established": sockets])
        #expect(
          page.sum("socket_listener_tcp_sockets", ["state": "established"]) == sockets)
        #expect(page.value("socket_ephemeral_ports_used_worst") == Double(perProcess))
        #expect(
          page.value("socket_sockstat_inuse", ["protocol": "tcp", "family": "ipv4"])
            == sockets + 1)
      }

      let time = try shortestTime(below: .seconds(1)) {
        let (outcome, time) = try host.serve("--collect.interval", "100ms").stop()
        #expect(outcome.exit == .code(0))
        return time
      }
      #expect(time < .seconds(1))
    }
  }
}
