import TestSupport
import Testing

@Suite("Peers that do not answer", .onTestHost, .hangLimit)
struct TimerTests {
  private static func timers(_ page: MetricPage) -> [String: Double] {
    page.rows("socket_tcp_timer_sockets", by: "timer")
  }

  private static func queues(_ page: MetricPage, _ family: String = "ipv4") -> [String: Double] {
    page.rows("socket_tcp_queue_bytes", by: "direction", ["family": family])
  }

  @Test("a host without a socket has every timer and every queue, at zero")
  func none() async throws {
    try await TestHost.run { host in
      let page = try host.sample()
      #expect(Self.timers(page) == ["retransmit": 0, "keepalive": 0, "probe": 0])
      for family in ["ipv4", "ipv6"] {
        #expect(Self.queues(page, family) == ["receive": 0, "send": 0])
      }
    }
  }

  @Test(
    "the peer's host vanishes: what was sent is retransmitted, who sent nothing keeps asking",
    arguments: [("127.0.0.1", "ipv4"), ("::1", "ipv6")])
  func halfOpen(address: String, family: String) async throws {
    try await TestHost.run { host in
      let server = try host.actor(named: "server")
      let client = try host.actor(named: "client")
      let listener = try server.listen(address)
      let writing = try (0..<2).map { _ in try client.connect(to: listener, of: server) }
      for _ in 0..<3 {
        let idle = try client.connect(to: listener, of: server)
        try client.set(.keepAlive, on: idle.own)
      }
      try client.connect(to: listener, of: server)
      let idle = try host.sample()
      #expect(Self.timers(idle) == ["retransmit": 0, "keepalive": 3, "probe": 0])

      try host.drop("tcp dport \(listener.port)", "tcp sport \(listener.port)")
      for connection in writing { try client.write("unheard", to: connection.own) }
      let page = try host.sample()
      #expect(Self.timers(page) == ["retransmit": 2, "keepalive": 3, "probe": 0])
      #expect(Self.queues(page, family) == ["receive": 0, "send": 14])
      expectSockets(page, [family: ["listen": 1, "established": 12]])
      expectGroup("client", page, ["tcp": 6], states: ["established": 6])
      try expectSameAsSocketStatistics(page, on: host)

      // The network is back, and what was lost arrives.
      try host.dropNothing()
      let healed = try host.sample { Self.queues($0, family) == ["receive": 14, "send": 0] }
      #expect(Self.timers(healed) == ["retransmit": 0, "keepalive": 3, "probe": 0])
      #expect(Self.queues(healed, family) == ["receive": 14, "send": 0])
    }
  }

  @Test("a peer that does not read: its window closes, and we probe it")
  func zeroWindow() async throws {
    try await TestHost.run { host in
      let server = try host.actor(named: "server")
      let client = try host.actor(named: "client")
      let connection = try client.connect(to: server.listen(), of: server)
      let written = try client.fill(connection.own)

      // The last bytes take a while to find their way into the reader's buffer.
      var before: [String: Double] = [:]
      let page = try host.sample { page in
        defer { before = Self.queues(page) }
        return Self.timers(page)["probe"] == 1 && Self.queues(page) == before
      }
      #expect(Self.timers(page) == ["retransmit": 0, "keepalive": 0, "probe": 1])
      let queues = Self.queues(page)
      // All that was written is with the reader or with us.
      #expect(queues.values.reduce(0, +) == Double(written))
      #expect(queues.values.allSatisfy { $0 > 0 })
      #expect(Self.queues(page, "ipv6") == ["receive": 0, "send": 0])
      try expectSameAsSocketStatistics(page, on: host, isQuiet: false)
    }
  }

  @Test("what is unread counts as received; connections that wait for accept() are no bytes")
  func unread() async throws {
    try await TestHost.run { host in
      let server = try host.actor(named: "server")
      let client = try host.actor(named: "client")
      let listener = try server.listen()
      let connection = try client.connect(to: listener, of: server)
      for _ in 0..<7 { try client.connect(to: listener) }
      try client.write("unread", to: connection.own)
      try server.write("neither", to: connection.peer)
      let page = try host.sample { Self.queues($0) == ["receive": 13, "send": 0] }
      #expect(Self.queues(page) == ["receive": 13, "send": 0])
      try expectSameAsSocketStatistics(page, on: host)
    }
  }

  @Test("a peer that stays away: the connection is given up, and its descriptor is of no protocol")
  func givenUp() async throws {
    try await TestHost.run { host in
      let server = try host.actor(named: "server")
      let client = try host.actor(named: "client")
      let listener = try server.listen()
      let connection = try client.connect(to: listener, of: server)
      try client.set(.userTimeoutMilliseconds, to: 100, on: connection.own)
      try host.drop("tcp dport \(listener.port)", "tcp sport \(listener.port)")
      try client.write("unheard", to: connection.own)

      // What is counted is read before the sockets are.
      let page = try host.sample {
        $0.value("socket_tcp_aborts_total", ["reason": "timeout"]) == 1
      }
      expectSockets(page, ["ipv4": ["listen": 1, "established": 1]])
      #expect(page.value("socket_tcp_aborts_total", ["reason": "timeout"]) == 1)
      expectGroup("client", page, ["unbound": 1])
      expectGroup("server", page, ["tcp": 2], states: ["listen": 1, "established": 1])
    }
  }
}
