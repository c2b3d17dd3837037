import TestSupport
import Testing

/// A namespace of its own counts from zero, so that a test knows every number.
@Suite("What happens to TCP", .onTestHost, .hangLimit)
struct TCPEventTests {
  /// The names of the metrics, without `socket_tcp_` and `_total`, and what the kernel calls them.
  private static let events = [
    "active_opens": "Tcp.ActiveOpens", "passive_opens": "Tcp.PassiveOpens",
    "attempt_fails": "Tcp.AttemptFails", "established_resets": "Tcp.EstabResets",
    "resets_sent": "Tcp.OutRsts", "segments_retransmitted": "Tcp.RetransSegs",
    "listen_overflows": "TcpExt.ListenOverflows", "listen_drops": "TcpExt.ListenDrops",
    "syncookies_sent": "TcpExt.SyncookiesSent",
    "request_queue_full_drops": "TcpExt.TCPReqQFullDrop",
    "time_wait_overflows": "TcpExt.TCPTimeWaitOverflow",
    "memory_pressures": "TcpExt.TCPMemoryPressures",
  ]
  private static let aborts = [
    "data": "TcpExt.TCPAbortOnData", "close": "TcpExt.TCPAbortOnClose",
    "memory": "TcpExt.TCPAbortOnMemory", "timeout": "TcpExt.TCPAbortOnTimeout",
    "linger": "TcpExt.TCPAbortOnLinger", "failed": "TcpExt.TCPAbortFailed",
  ]

  /// What is on the page, by the kernel's names.
  private static func counted(_ page: MetricPage) -> [String: Double] {
    var counts: [String: Double] = [:]
    for (event, name) in events { counts[name] = page.value("socket_tcp_\(event)_total") }
    for (reason, name) in aborts {
      counts[name] = page.value("socket_tcp_aborts_total", ["reason": reason])
    }
    return counts
  }

  /// The kernel's own doing: where an answer is late, a segment is sent again.
  private static let retransmissions = "Tcp.RetransSegs"

  /// The page has these numbers before long, and the kernel the same. What is not named is zero.
  private static func expectEvents(
    on host: TestHost, _ expected: [String: Double],
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let names = Set(events.values).union(aborts.values)
    func happened(_ counts: [String: Double]) -> [String: Double] {
      counts.filter { names.contains($0.key) && $0.key != retransmissions && $0.value != 0 }
    }
    let before = try host.kernelCounters()
    let page = try host.sample { happened(counted($0)) == expected }
    let kernel = try host.kernelCounters()
    #expect(happened(kernel) == expected, "what the kernel counts", sourceLocation: sourceLocation)
    let found = counted(page)
    #expect(happened(found) == expected, sourceLocation: sourceLocation)
    #expect(Set(found.keys) == names, sourceLocation: sourceLocation)
    let sentAgain = try [before, found, kernel].map { try #require($0[retransmissions]) }
    #expect(sentAgain == sentAgain.sorted(), sourceLocation: sourceLocation)
  }

  @Test("a host on which nothing has happened has every counter, at zero")
  func nothing() async throws {
    try await TestHost.run { host in
      try Self.expectEvents(on: host, [:])
    }
  }

  @Test("connections made, taken, refused and reset")
  func connections() async throws {
    try await TestHost.run { host in
      let server = try host.actor(named: "server")
      let client = try host.actor(named: "client")
      let listener = try server.listen()
      for _ in 0..<5 { try client.connect(to: listener, of: server) }
      try Self.expectEvents(on: host, ["Tcp.ActiveOpens": 5, "Tcp.PassiveOpens": 5])

      let gone = try server.listen("::1")
      try server.close(gone.descriptor)
      for _ in 0..<3 {
        #expect(throws: TestFailure.self) { try client.connect(to: gone) }
      }
      try Self.expectEvents(
        on: host,
        [
          "Tcp.ActiveOpens": 8, "Tcp.PassiveOpens": 5, "Tcp.AttemptFails": 3, "Tcp.OutRsts": 3,
        ])
    }
  }

  @Test("closed with SO_LINGER 0, closed with unread data, closed while the peer still sends")
  func aborts() async throws {
    try await TestHost.run { host in
      let server = try host.actor(named: "server")
      let client = try host.actor(named: "client")
      let listener = try server.listen()
      func connection() throws -> (own: Int, peer: Int) {
        try client.connect(to: listener, of: server)
      }

      try client.reset(connection().own)
      var expected: [String: Double] = [
        "Tcp.ActiveOpens": 1, "Tcp.PassiveOpens": 1, "Tcp.EstabResets": 2, "Tcp.OutRsts": 1,
        "TcpExt.TCPAbortOnData": 1,
      ]
      try Self.expectEvents(on: host, expected)

      let unread = try connection()
      try client.write("unread", to: unread.own)
      try server.close(unread.peer)
      expected.merge([
        "Tcp.ActiveOpens": 2, "Tcp.PassiveOpens": 2, "Tcp.EstabResets": 4, "Tcp.OutRsts": 2,
        "TcpExt.TCPAbortOnClose": 1,
      ]) { $1 }
      try Self.expectEvents(on: host, expected)

      let late = try connection()
      try server.close(late.peer)
      _ = try host.sample { $0.sockets("fin_wait2") == 1 }
      try client.write("late", to: late.own)
      expected.merge([
        "Tcp.ActiveOpens": 3, "Tcp.PassiveOpens": 3, "Tcp.EstabResets": 5, "Tcp.OutRsts": 3,
      ]) { $1 }
      try Self.expectEvents(on: host, expected)

      let impatient = try connection()
      try client.set(.finWait2TimeoutSeconds, to: -1, on: impatient.own)
      try client.shutdown(impatient.own)
      _ = try host.sample { $0.sockets("fin_wait2") == 1 }
      try client.close(impatient.own)
      expected.merge([
        "Tcp.ActiveOpens": 4, "Tcp.PassiveOpens": 4, "Tcp.EstabResets": 6, "Tcp.OutRsts": 4,
        "TcpExt.TCPAbortOnLinger": 1,
      ]) { $1 }
      try Self.expectEvents(on: host, expected)
    }
  }

  @Test("more TIME_WAIT than are allowed")
  func timeWaitOverflow() async throws {
    try await TestHost.run { host in
      try host.set("net.ipv4.tcp_max_tw_buckets", to: "2")
      let server = try host.actor(named: "server")
      let client = try host.actor(named: "client")
      let listener = try server.listen()
      for _ in 0..<5 {
        let connection = try client.connect(to: listener, of: server)
        try client.close(connection.own)
        try server.read(connection.peer)
        try server.close(connection.peer)
      }
      let page = try host.sample { $0.value("socket_tcp_time_wait_overflows_total") == 3 }
      #expect(page.value("socket_tcp_time_wait_overflows_total") == 3)
      #expect(try host.kernelCounters()["TcpExt.TCPTimeWaitOverflow"] == 3)
      #expect(page.value("socket_sockstat_tcp_time_wait") == 2)
      #expect(page.value("socket_sockstat_tcp_time_wait_limit") == 2)
    }
  }

  @Test(
    "more connection requests than the queue takes: dropped, or answered with cookies",
    arguments: ["0", "1"])
  func requestQueueFull(cookies: String) async throws {
    let outcomes = [
      (event: "request_queue_full_drops", name: "TcpExt.TCPReqQFullDrop"),
      (event: "syncookies_sent", name: "TcpExt.SyncookiesSent"),
    ]
    try await TestHost.run { host in
      try host.set("net.ipv4.tcp_syncookies", to: cookies)
      let server = try host.actor(named: "server")
      let client = try host.actor(named: "client")
      let listener = try server.listen(backlog: 2)
      // No request gets further: its last acknowledgement is lost.
      try host.drop("tcp dport \(listener.port) tcp flags & (syn | ack) == ack")
      for _ in 0..<5 { try client.abandonConnecting(to: listener) }
      let page = try host.sample()
      let kernel = try host.kernelCounters()
      // How many of the five depends on the kernel.
      let (happened, other) = (outcomes[cookies == "1" ? 1 : 0], outcomes[cookies == "1" ? 0 : 1])
      #expect(kernel[happened.name] ?? 0 > 0)
      #expect(kernel[other.name] == 0)
      for (event, name) in outcomes + [(event: "listen_drops", name: "TcpExt.ListenDrops")] {
        #expect(page.value("socket_tcp_\(event)_total") == kernel[name], "\(event)")
      }
    }
  }
}
