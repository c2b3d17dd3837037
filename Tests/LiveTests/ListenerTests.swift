import TestSupport
import Testing

extension MetricPage {
  /// The row of a listener: connections that wait for accept(), and how many may.
  func acceptQueue(
    _ listener: SocketActor.Listener, of process: String
  ) -> (waiting: Double?, limit: Double?) {
    let labels = [
      "address": listener.address, "port": "\(listener.port)", "process": process,
    ]
    return (
      value("socket_listener_accept_queue", labels),
      value("socket_listener_accept_queue_limit", labels)
    )
  }

  /// TCP sockets by state whose local port is this listener's.
  func sockets(on listener: SocketActor.Listener) -> [String: Double] {
    rows("socket_listener_tcp_sockets", by: "state", ["port": "\(listener.port)"])
  }
}

@Suite("Listeners", .onTestHost, .hangLimit)
struct ListenerTests {
  /// The page speaks of that many listeners, of all that is known of each.
  private static func expectRows(
    _ page: MetricPage, _ count: Int, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let rows = page.samples("socket_listener_accept_queue")
    #expect(rows.count == count, sourceLocation: sourceLocation)
    #expect(
      Set(rows.map(\.labels))
        == Set(page.samples("socket_listener_accept_queue_limit").map(\.labels)),
      sourceLocation: sourceLocation)
  }

  @Test("one row each, with its owner and its backlog, and the sockets on its port")
  func owners() async throws {
    try await TestHost.run { host in
      let web = try host.actor(named: "web")
      let mail = try host.actor(named: "mail")
      let client = try host.actor(named: "client")
      let listeners = [
        (web, "web", try web.listen("127.0.0.1", port: 80, backlog: 7)),
        (web, "web", try web.listen("::1", port: 80, backlog: 8)),
        (web, "web", try web.listen("0.0.0.0", port: 8080, backlog: 9)),
        (mail, "mail", try mail.listen("::", port: 25, backlog: 10)),
      ]
      for (index, (server, _, listener)) in listeners.enumerated() {
        let address = ["0.0.0.0": "127.0.0.1", "::": "::1"][listener.address] ?? listener.address
        for _ in 0...index {
          try client.connect(address, port: listener.port)
          try server.accept(listener)
        }
        for _ in 0..<index { try client.connect(address, port: listener.port) }
      }
      let page = try host.sample()
      Self.expectRows(page, 4)
      for (index, (_, name, listener)) in listeners.enumerated() {
        #expect(page.acceptQueue(listener, of: name) == (Double(index), Double(7 + index)))
      }
      // Port 80 has two addresses.
      #expect(
        page.sockets(on: listeners[0].2) == ["listen": 2, "established": 4, "close_wait": 0])
      #expect(
        page.sockets(on: listeners[2].2) == ["listen": 1, "established": 5, "close_wait": 0])
      #expect(
        page.sockets(on: listeners[3].2) == ["listen": 1, "established": 7, "close_wait": 0])
      #expect(page.samples("socket_listener_tcp_sockets").count == 9)
    }
  }

  @Test(
    "a server that does not accept: its queue fills to the brim, and what comes then is dropped")
  func full() async throws {
    try await TestHost.run { host in
      let server = try host.actor(named: "stuck")
      let client = try host.actor(named: "client")
      let listener = try server.listen(backlog: 4)
      // The kernel lets one more in than it was told.
      for _ in 0..<5 { try client.connect(to: listener) }
      let full = try host.sample()
      #expect(full.acceptQueue(listener, of: "stuck") == (5, 4))
      #expect(full.value("socket_tcp_listen_overflows_total") == 0)
      #expect(full.value("socket_tcp_listen_drops_total") == 0)

      for _ in 0..<3 { try client.abandonConnecting(to: listener) }
      let over = try host.sample()
      #expect(over.acceptQueue(listener, of: "stuck") == (5, 4))
      #expect(over.sockets(on: listener) == ["listen": 1, "established": 5, "close_wait": 0])
      #expect(over.value("socket_tcp_listen_overflows_total") == 3)
      #expect(over.value("socket_tcp_listen_drops_total") == 3)
      #expect(try host.kernelCounters()["TcpExt.ListenOverflows"] == 3)
      expectGroup("stuck", over, ["tcp": 1], states: ["listen": 1])
      try expectSameAsSocketStatistics(over, on: host)

      for _ in 0..<2 { try server.accept(listener) }
      let draining = try host.sample()
      #expect(draining.acceptQueue(listener, of: "stuck") == (3, 4))
      expectGroup("stuck", draining, ["tcp": 3], states: ["listen": 1, "established": 2])
    }
  }

  @Test("net.core.somaxconn bounds what the server asked for")
  func bounded() async throws {
    try await TestHost.run { host in
      try host.set("net.core.somaxconn", to: "3")
      let listener = try host.actor(named: "server").listen(backlog: 1000)
      let page = try host.sample()
      #expect(page.acceptQueue(listener, of: "server") == (0, 3))
      #expect(page.value("socket_listen_backlog_limit") == 3)
    }
  }

  @Test("a connection reset between handshake and accept(): an abort, not a leak")
  func resetBeforeAccept() async throws {
    try await TestHost.run { host in
      let server = try host.actor(named: "server")
      let client = try host.actor(named: "client")
      let listener = try server.listen()
      let connection = try client.connect(to: listener)
      try client.reset(connection)

      let page = try host.sample { $0.sockets("established") == 0 }
      expectSockets(page, ["ipv4": ["listen": 1]])
      #expect(page.value("socket_tcp_aborts_total", ["reason": "data"]) == 1)
      #expect(page.value("socket_tcp_established_resets_total") == 2)
      #expect(page.sockets(on: listener) == ["listen": 1, "close_wait": 0])
      // The kernel keeps the dead connection for accept().
      #expect(page.acceptQueue(listener, of: "server") == (1, 128))
      expectGroup("server", page, ["tcp": 1], states: ["listen": 1])

      let dead = try server.accept(listener)
      let accepted = try host.sample()
      #expect(accepted.acceptQueue(listener, of: "server") == (0, 128))
      expectGroup("server", accepted, ["tcp": 1, "unbound": 1], states: ["listen": 1])
      try server.close(dead)
    }
  }

  @Test("listeners that share a port: one row a group, queues and limits summed")
  func sharedPort() async throws {
    try await TestHost.run { host in
      let first = try host.actor(named: "web")
      let second = try host.actor(named: "web")
      let client = try host.actor(named: "client")
      let listener = try first.listen(.tcp4, .reusePort, port: 80, backlog: 20)
      _ = try first.listen(.tcp4, .reusePort, port: 80, backlog: 30)
      _ = try second.listen(.tcp4, .reusePort, port: 80, backlog: 40)
      for _ in 0..<12 { try client.connect(to: listener) }
      let page = try host.sample()
      Self.expectRows(page, 1)
      #expect(page.acceptQueue(listener, of: "web") == (12, 90))
      #expect(page.sockets(on: listener) == ["listen": 3, "established": 12, "close_wait": 0])
      expectGroup("web", page, ["tcp": 3], states: ["listen": 3])
      expectSockets(page, ["ipv4": ["listen": 3, "established": 24]])

      let other = try host.actor(named: "api")
      _ = try other.listen(.tcp4, .reusePort, port: 80, backlog: 50)
      let two = try host.sample()
      Self.expectRows(two, 2)
      #expect(two.acceptQueue(listener, of: "web") == (12, 90))
      #expect(two.acceptQueue(listener, of: "api") == (0, 50))
      #expect(two.sockets(on: listener) == ["listen": 4, "established": 12, "close_wait": 0])
    }
  }

  @Test("a listener that a server's children inherit is one listener")
  func inherited() async throws {
    try await TestHost.run { host in
      let parent = try host.actor(named: "prefork")
      let client = try host.actor(named: "client")
      let listener = try parent.listen(backlog: 16)
      let children = try (0..<3).map { _ in try parent.fork() }
      for _ in 0..<2 { try client.connect(to: listener) }
      let page = try host.sample()
      Self.expectRows(page, 1)
      #expect(page.acceptQueue(listener, of: "prefork") == (2, 16))
      #expect(page.sockets(on: listener) == ["listen": 1, "established": 2, "close_wait": 0])
      expectGroup("prefork", page, ["tcp": 4], states: ["listen": 1], shared: 4)

      // Each of them may accept.
      try children[2].accept(listener)
      let accepted = try host.sample()
      #expect(accepted.acceptQueue(listener, of: "prefork") == (1, 16))
      expectGroup(
        "prefork", accepted, ["tcp": 5], states: ["listen": 1, "established": 1], shared: 4)
    }
  }

  @Test("a server started again while its old connections are in TIME_WAIT: nothing counts twice")
  func restarted() async throws {
    try await TestHost.run { host in
      let client = try host.actor(named: "client")
      let old = try host.actor(named: "server")
      let listener = try old.listen(port: 80, backlog: 5)
      for _ in 0..<6 {
        let connection = try client.connect(to: listener, of: old)
        try old.close(connection.peer)
        try client.read(connection.own)
        try client.close(connection.own)
      }
      try old.exit()
      let server = try host.actor(named: "server")
      _ = try server.listen(port: 80, backlog: 5)
      let page = try host.sample { $0.sockets("time_wait") == 6 }
      expectSockets(page, ["ipv4": ["listen": 1, "time_wait": 6]])
      Self.expectRows(page, 1)
      #expect(page.acceptQueue(listener, of: "server") == (0, 5))
      #expect(page.sockets(on: listener) == ["listen": 1, "time_wait": 6, "close_wait": 0])
      expectGroup("server", page, ["tcp": 1], states: ["listen": 1])
    }
  }

  @Test("a listener that no process holds is nobody's, and there")
  func nobody() async throws {
    try await TestHost.run { host in
      let server = try host.actor(named: "server")
      let listener = try server.listen(backlog: 6)
      let pair = try server.unixPair()
      try server.sendDescriptor(listener.descriptor, through: pair.0)
      try server.close(listener.descriptor)
      try host.actor(named: "client").connect(to: listener)
      let page = try host.sample()
      Self.expectRows(page, 1)
      #expect(page.acceptQueue(listener, of: "unknown") == (1, 6))
      expectGroup("server", page, ["unix": 2])
    }
  }

  @Test("more listeners than rows: those with nobody waiting are summed, and no sum changes")
  func folded() async throws {
    try await TestHost.run { host in
      let server = try host.actor(named: "server")
      let client = try host.actor(named: "client")
      var listeners: [SocketActor.Listener] = []
      for index in 0..<260 { listeners.append(try server.listen(port: 1000 + index, backlog: 2)) }
      for _ in 0..<2 { try client.connect(to: listeners[259]) }
      try client.connect(to: listeners[258], of: server)

      let page = try host.sample()
      Self.expectRows(page, 251)
      #expect(page.value("socket_listeners_folded") == 10)
      #expect(page.acceptQueue(listeners[259], of: "server") == (2, 2))
      let folded = ["address": "other", "port": "other", "process": "other"]
      #expect(page.value("socket_listener_accept_queue", folded) == 0)
      #expect(page.value("socket_listener_accept_queue_limit", folded) == 20)
      #expect(page.sum("socket_listener_accept_queue_limit") == 520)
      #expect(page.sum("socket_listener_tcp_sockets", ["state": "listen"]) == 260)
      #expect(page.sum("socket_listener_tcp_sockets", ["state": "established"]) == 3)
      #expect(
        page.sockets(on: listeners[258]) == ["listen": 1, "established": 1, "close_wait": 0])
      expectGroup("server", page, ["tcp": 261], states: ["listen": 260, "established": 1])
    }
  }

  @Test("where netlink is refused, the owners and queues are known, and the limits are not")
  func withoutNetlink() async throws {
    try await TestHost.run { host in
      let server = try host.actor(named: "server")
      let client = try host.actor(named: "client")
      let listener = try server.listen("::1")
      for _ in 0..<3 { try client.connect(to: listener) }
      let page = try host.sample(wrapper: Exporter.withoutNetlink)
      #expect(page.acceptQueue(listener, of: "server") == (3, nil))
      #expect(page.sockets(on: listener) == ["listen": 1, "established": 3, "close_wait": 0])
      #expect(page.value("socket_exporter_collector_success", ["collector": "listener"]) == 1)
    }
  }

  @Test("without privileges the queues are known, and the owners of others' listeners are not")
  func withoutPrivileges() async throws {
    try await TestHost.run { host in
      let roots = try host.actor(named: "roots")
      let own = try host.actor(named: "own")
      let (hidden, seen) = (try roots.listen(backlog: 3), try own.listen(backlog: 4))
      try own.become(user: Exporter.Privileges.user)
      let page = try host.sample(privileges: .none)
      Self.expectRows(page, 2)
      #expect(page.acceptQueue(hidden, of: "unknown") == (0, 3))
      #expect(page.acceptQueue(seen, of: "own") == (0, 4))
    }
  }
}
