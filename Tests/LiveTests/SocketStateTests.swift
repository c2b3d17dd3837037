import TestSupport
import Testing

@Suite("Sockets through their lives", .onTestHost, .hangLimit)
struct SocketStateTests {
  private static let everyState = [
    "established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2", "time_wait", "close",
    "close_wait", "last_ack", "listen", "closing",
  ]

  @Test("a host without a socket has every state of both families, at zero")
  func emptyHost() async throws {
    try await TestHost.run { host in
      let page = try host.sample()
      let series = page.samples("socket_tcp_sockets")
      #expect(series.count == 2 * Self.everyState.count)
      for state in Self.everyState {
        #expect(page.sockets(state, "ipv4") == 0)
        #expect(page.sockets(state, "ipv6") == 0)
      }
      #expect(page.value("socket_sockstat_tcp_time_wait") == 0)
      #expect(page.value("socket_sockstat_inuse", ["protocol": "tcp", "family": "ipv4"]) == 0)
    }
  }

  @Test("a process connects and exits: its socket leaves it at once, waits in TIME_WAIT, then goes")
  func exitAfterConnecting() async throws {
    try await TestHost.run { host in
      let server = try host.actor(named: "server")
      let client = try host.actor(named: "client")
      let listener = try server.listen()
      let connection = try client.connect(to: listener, of: server)

      let connected = try host.sample()
      expectSockets(connected, ["ipv4": ["listen": 1, "established": 2]])
      expectGroup("client", connected, ["tcp": 1], states: ["established": 1])
      expectGroup("server", connected, ["tcp": 2], states: ["listen": 1, "established": 1])
      try expectSameAsSocketStatistics(connected, on: host)

      try client.exit()
      let exited = try host.sample { $0.sockets("fin_wait2") == 1 }
      expectSockets(exited, ["ipv4": ["listen": 1, "close_wait": 1, "fin_wait2": 1]])
      expectNoGroup("client", exited)
      expectGroup("server", exited, ["tcp": 2], states: ["listen": 1, "close_wait": 1])
      try expectSameAsSocketStatistics(exited, on: host)

      try server.close(connection.peer)
      let closed = try host.sample { $0.sockets("time_wait") == 1 }
      expectSockets(closed, ["ipv4": ["listen": 1, "time_wait": 1]])
      #expect(closed.value("socket_sockstat_tcp_time_wait") == 1)
      expectGroup("server", closed, ["tcp": 1], states: ["listen": 1])
      #expect(closed.sum("socket_process_socket_fds") == 1)
      #expect(closed.sum("socket_process_tcp_sockets") == 1)
      try expectSameAsSocketStatistics(closed, on: host)

      // TIME_WAIT lasts a minute. Where the kernel can, it is ended now.
      let ended = try host.run(["ss", "-HKt", "state", "time-wait"])
      guard !ended.output.isEmpty else { return }
      let gone = try host.sample { $0.sockets("time_wait") == 0 }
      expectSockets(gone, ["ipv4": ["listen": 1]])
      #expect(gone.value("socket_sockstat_tcp_time_wait") == 0)
    }
  }

  @Test("the peer closes and we do not: CLOSE_WAIT stays with us when the peer's side is long gone")
  func closeWaitOutlivesFinWait2() async throws {
    try await TestHost.run { host in
      let leaker = try host.actor(named: "leaker")
      let closer = try host.actor(named: "closer")
      let hasty = try host.actor(named: "hasty")
      let listener = try leaker.listen()
      let first = try closer.connect(to: listener, of: leaker)
      let second = try hasty.connect(to: listener, of: leaker)

      try closer.shutdown(first.own)
      try hasty.shutdown(second.own)
      let held = try host.sample { $0.sockets("close_wait") == 2 && $0.sockets("fin_wait2") == 2 }
      expectSockets(held, ["ipv4": ["listen": 1, "close_wait": 2, "fin_wait2": 2]])
      expectGroup("leaker", held, ["tcp": 3], states: ["listen": 1, "close_wait": 2])
      for name in ["closer", "hasty"] {
        expectGroup(name, held, ["tcp": 1], states: ["fin_wait2": 1])
      }
      try expectSameAsSocketStatistics(held, on: host)

      try closer.exit()
      let orphaned = try host.sample { $0.instances(of: "closer") == nil }
      expectSockets(orphaned, ["ipv4": ["listen": 1, "close_wait": 2, "fin_wait2": 2]])
      expectNoGroup("closer", orphaned)
      expectGroup("leaker", orphaned, ["tcp": 3], states: ["listen": 1, "close_wait": 2])

      // An orphan has a minute, which is enough to look at it. The next one has a second.
      try host.set("net.ipv4.tcp_fin_timeout", to: "1")
      try hasty.exit()
      let timedOut = try host.sample { $0.sockets("fin_wait2") == 1 }
      expectSockets(timedOut, ["ipv4": ["listen": 1, "close_wait": 2, "fin_wait2": 1]])
      expectNoGroup("hasty", timedOut)
      expectGroup("leaker", timedOut, ["tcp": 3], states: ["listen": 1, "close_wait": 2])
      try expectSameAsSocketStatistics(timedOut, on: host)

      try leaker.close(second.peer)
      let oneClosed = try host.sample { $0.sockets("close_wait") == 1 }
      expectSockets(oneClosed, ["ipv4": ["listen": 1, "close_wait": 1, "fin_wait2": 1]])
      expectGroup("leaker", oneClosed, ["tcp": 2], states: ["listen": 1, "close_wait": 1])
    }
  }

  @Test("sockets closed with unsent data are orphans: counted, and in no process")
  func orphans() async throws {
    try await TestHost.run { host in
      let server = try host.actor(named: "server")
      let sender = try host.actor(named: "sender")
      let listener = try server.listen()
      let count = 8
      for _ in 0..<count {
        try sender.fill(try sender.connect(to: listener, of: server).own)
      }
      try sender.exit()

      let page = try host.sample { $0.sockets("fin_wait1") == Double(count) }
      expectSockets(
        page,
        ["ipv4": ["listen": 1, "fin_wait1": Double(count), "established": Double(count)]])
      // The kernel counts orphans for the whole machine: others may have some, too.
      #expect(page.value("socket_sockstat_tcp_orphans") ?? 0 >= Double(count))
      expectNoGroup("sender", page)
      expectGroup(
        "server", page, ["tcp": Double(count + 1)],
        states: ["listen": 1, "established": Double(count)])
      #expect(page.sum("socket_process_tcp_sockets") == Double(count + 1))
      try expectSameAsSocketStatistics(page, on: host, isQuiet: false)

      server.kill()
      let reset = try host.sample { $0.sockets("fin_wait1") == 0 }
      expectSockets(reset, [:])
    }
  }

  @Test("a close with SO_LINGER 0 leaves neither TIME_WAIT nor CLOSE_WAIT")
  func resetOnClose() async throws {
    try await TestHost.run { host in
      let server = try host.actor(named: "server")
      let client = try host.actor(named: "client")
      let listener = try server.listen()
      let connection = try client.connect(to: listener, of: server)
      try client.reset(connection.own)

      let page = try host.sample { $0.sockets("established") == 0 }
      expectSockets(page, ["ipv4": ["listen": 1]])
      #expect(page.value("socket_sockstat_tcp_time_wait") == 0)
      // The dead socket is in no table of the kernel, and yet the server still pays a descriptor.
      expectGroup("server", page, ["tcp": 1, "unbound": 1], states: ["listen": 1])
      expectGroup("client", page, [:])
      #expect(page.value("socket_tcp_aborts_total", ["reason": "data"]) == 1)
      #expect(page.value("socket_tcp_resets_sent_total") == 1)
      try expectSameAsSocketStatistics(page, on: host)
    }
  }

  @Test("IPv6 sockets are IPv6, also where the peer is IPv4")
  func families() async throws {
    try await TestHost.run { host in
      let server = try host.actor(named: "server")
      let client = try host.actor(named: "client")
      let local = try server.listen("::1")
      let connection = try client.connect(to: local, of: server)
      expectSockets(try host.sample(), ["ipv6": ["listen": 1, "established": 2]])

      let every = try server.listen("::")
      try client.connect("127.0.0.1", port: every.port)
      try server.accept(every)
      let both = try host.sample()
      expectSockets(
        both, ["ipv6": ["listen": 2, "established": 3], "ipv4": ["established": 1]])
      try expectSameAsSocketStatistics(both, on: host)

      try client.close(connection.own)
      let closed = try host.sample { $0.sockets("fin_wait2", "ipv6") == 1 }
      expectSockets(
        closed,
        [
          "ipv6": ["listen": 2, "established": 1, "close_wait": 1, "fin_wait2": 1],
          "ipv4": ["established": 1],
        ])
      try expectSameAsSocketStatistics(closed, on: host)
    }
  }

  @Test("connections that wait for accept() are sockets of no process yet")
  func notYetAccepted() async throws {
    try await TestHost.run { host in
      let server = try host.actor(named: "server")
      let client = try host.actor(named: "client")
      let listener = try server.listen()
      for _ in 0..<3 { try client.connect(to: listener) }

      let page = try host.sample()
      expectSockets(page, ["ipv4": ["listen": 1, "established": 6]])
      expectGroup("server", page, ["tcp": 1], states: ["listen": 1])
      expectGroup("client", page, ["tcp": 3], states: ["established": 3])
      #expect(page.acceptQueue(listener, of: "server") == (3, 128))
      try expectSameAsSocketStatistics(page, on: host)
    }
  }

  @Test("sockstat speaks of this host's namespace")
  func sockstat() async throws {
    try await TestHost.run { host in
      let actor = try host.actor(named: "actor")
      _ = try actor.listen()
      _ = try actor.listen("::1")
      for kind in [SocketActor.Kind.udp4, .udp4, .udp6, .raw4] {
        let descriptor = try actor.socket(kind)
        guard kind != .raw4 else { continue }
        // UDP sockets are in use once they have a port.
        try actor.send("bind \(descriptor) \(kind == .udp6 ? "::1" : "127.0.0.1") 0")
      }

      let page = try host.sample()
      let inUse = { (name: String, family: String) in
        page.value("socket_sockstat_inuse", ["protocol": name, "family": family])
      }
      #expect(inUse("tcp", "ipv4") == 1)
      #expect(inUse("tcp", "ipv6") == 1)
      #expect(inUse("udp", "ipv4") == 2)
      #expect(inUse("udp", "ipv6") == 1)
      #expect(inUse("raw", "ipv4") == 1)
      #expect(inUse("frag", "ipv4") == 0)
      #expect(page.value("socket_sockstat_sockets_used") ?? 0 >= 6)
      #expect(page.value("socket_sockstat_tcp_allocated") ?? 0 >= 2)
    }
  }
}
