import TestSupport
import Testing

@Suite("What a descriptor's socket is", .onTestHost, .hangLimit)
struct SocketKindTests {
  /// Numbers of sockets of which no two are alike, so that none is taken for another.
  private static let counts: [String: Double] = [
    "tcp": 3, "udp": 4, "unix": 11, "netlink": 2, "packet": 5, "raw": 6, "unbound": 7, "other": 1,
  ]

  private static func populate(_ actor: SocketActor, on host: TestHost) throws {
    let listener = try actor.listen("::1")
    try actor.connect(to: listener)
    try actor.accept(listener)

    for kind in [SocketActor.Kind.udp4, .udp6] {
      let address = kind == .udp4 ? "127.0.0.1" : "::1"
      let port = try actor.bind(actor.socket(kind), to: address)
      try actor.connect(actor.socket(kind), to: address, port: port)
    }

    for (kind, name) in [
      (SocketActor.Kind.unix, "stream"), (.unixDatagram, "datagram"), (.unixPacket, "packet"),
    ] {
      let path = try actor.socket(kind)
      try actor.bindUnix(path, to: "\(host.directory)/\(name)")
      let abstract = try actor.socket(kind)
      try actor.bindUnix(abstract, to: "@\(name)")
      _ = try actor.socket(kind)
    }
    try actor.unixPair()

    for _ in 0..<2 { try actor.bindNetlink(actor.socket(.netlink)) }
    for _ in 0..<5 { _ = try actor.socket(.packet) }
    for kind in [SocketActor.Kind.raw4, .raw6] {
      for _ in 0..<3 { _ = try actor.socket(kind) }
    }
    for kind in [SocketActor.Kind.tcp4, .tcp6, .udp4, .udp6, .netlink] {
      _ = try actor.socket(kind)
    }
    let gone = try actor.connect(to: listener)
    let refused = try actor.accept(listener)
    try actor.reset(gone)
    _ = try? actor.read(refused)
    _ = try actor.socket(.tcp4)
    _ = try actor.socket(.vsock)
  }

  @Test("each socket is of its kind", arguments: [[], Exporter.withoutNetlink])
  func everyKind(wrapper: [String]) async throws {
    try await TestHost.run { host in
      let actor = try host.actor(named: "collector")
      try Self.populate(actor, on: host)
      let page = try host.sample(wrapper: wrapper)
      expectGroup(
        "collector", page, Self.counts, states: ["listen": 1, "established": 2])
      #expect(page.openDescriptors(of: "collector") == Self.counts.values.reduce(0, +) + 3)
      #expect(
        page.value("socket_pid_socket_fds", ["pid": "\(try actor.pid())", "process": "collector"])
          == Self.counts.values.reduce(0, +))
    }
  }

  @Test("a socket that is created and nothing else is unbound, and so is one that was reset")
  func unbound() async throws {
    try await TestHost.run { host in
      let server = try host.actor(named: "server")
      let client = try host.actor(named: "client")
      let listener = try server.listen()
      for _ in 0..<3 { _ = try client.socket(.tcp4) }
      _ = try client.socket(.udp6)
      let connection = try client.connect(to: listener, of: server)
      expectGroup(
        "client", try host.sample(), ["unbound": 4, "tcp": 1], states: ["established": 1])

      try server.reset(connection.peer)
      let reset = try host.sample { $0.sockets("established") == 0 }
      expectGroup("client", reset, ["unbound": 5])
      expectGroup("server", reset, ["tcp": 1], states: ["listen": 1])

      // Once it is used, it is what it is used for.
      let late = try client.socket(.tcp4)
      try client.connect(late, to: listener)
      expectGroup(
        "client", try host.sample(), ["unbound": 5, "tcp": 1], states: ["established": 1])
    }
  }

  @Test("a process that has no socket has every kind, at zero")
  func none() async throws {
    try await TestHost.run { host in
      let actor = try host.actor(named: "bare")
      try actor.openFiles(3)
      expectGroup("bare", try host.sample(), [:])
    }
  }

  @Test(
    "a Unix socket whose path looks like rows of the kernel's table misleads nobody",
    arguments: [[], Exporter.withoutNetlink])
  func hostilePath(wrapper: [String]) async throws {
    try await TestHost.run { host in
      let program = """
        import os, socket, sys
        os.chdir(sys.argv[1])
        held = []
        for name in ['a\\nb', 'Num RefCount', '\\n', '\\n0000: 00000002', 'x\\n\\xff y']:
          held.append(socket.socket(socket.AF_UNIX))
          held[-1].bind(name.encode('latin-1'))
        print('ready', flush=True)
        sys.stdin.read()
        """
      let process = try host.start(["python3", "-c", program, host.directory])
      #expect(process.output.line(within: .patience) == "ready")
      let page = try host.sample(wrapper: wrapper)
      expectGroup("python3", page, ["unix": 5])
      #expect(page.value("socket_exporter_collector_success", ["collector": "process"]) == 1)
      process.end()
    }
  }

  @Test("UDP-Lite is UDP, where the kernel has it", arguments: [[], Exporter.withoutNetlink])
  func lite(wrapper: [String]) async throws {
    try await TestHost.run { host in
      let actor = try host.actor(named: "lite")
      guard let bound = try? actor.socket(.udplite4) else { return }
      try actor.bind(bound)
      _ = try actor.socket(.udplite4)
      expectGroup("lite", try host.sample(wrapper: wrapper), ["udp": 1, "unbound": 1])
    }
  }

  @Test("a socket that has an address only, and neither listens nor talks, is not in use")
  func boundOnly() async throws {
    try await TestHost.run { host in
      let actor = try host.actor(named: "reserved")
      for kind in [SocketActor.Kind.tcp4, .tcp6] {
        try actor.bind(actor.socket(kind), to: kind == .tcp4 ? "127.0.0.1" : "::1")
      }
      let page = try host.sample()
      expectGroup("reserved", page, ["unbound": 2])
      expectSockets(page, [:])
    }
  }

  @Test("Multipath TCP is TCP", arguments: [("127.0.0.1", "ipv4"), ("::1", "ipv6")])
  func multipath(address: String, family: String) async throws {
    try await TestHost.run { host in
      try #require(try host.shell("cat /proc/sys/net/mptcp/enabled") == "1\n")
      let server = try host.actor(named: "server")
      let client = try host.actor(named: "client")
      let kind = family == "ipv4" ? SocketActor.Kind.mptcp4 : .mptcp6
      let listener = try server.listen(kind, address: address, backlog: 9)
      let connected = try client.socket(kind)
      try client.connect(connected, to: listener)
      let accepted = try server.accept(listener)
      try client.write("both", to: connected)
      #expect(try server.read(accepted) == 4)
      let page = try host.sample()
      expectSockets(page, [family: ["listen": 1, "established": 2]])
      expectGroup("server", page, ["tcp": 2], states: ["listen": 1, "established": 1])
      expectGroup("client", page, ["tcp": 1], states: ["established": 1])
      #expect(page.acceptQueue(listener, of: "server") == (0, 9))
      try expectSameAsSocketStatistics(page, on: host)
    }
  }

  /// The subflow below it stays established, and says nothing of the end.
  @Test("Multipath TCP whose peer has closed is in CLOSE_WAIT", arguments: ["127.0.0.1", "::1"])
  func multipathCloseWait(address: String) async throws {
    try await TestHost.run { host in
      try #require(try host.shell("cat /proc/sys/net/mptcp/enabled") == "1\n")
      let leaker = try host.actor(named: "leaker")
      let closer = try host.actor(named: "closer")
      let kind = address == "::1" ? SocketActor.Kind.mptcp6 : .mptcp4
      let listener = try leaker.listen(kind, address: address)
      let connected = try closer.socket(kind)
      try closer.connect(connected, to: listener)
      let accepted = try leaker.accept(listener)
      try closer.write("both", to: connected)
      #expect(try leaker.read(accepted) == 4)
      expectGroup(
        "leaker", try host.sample(), ["tcp": 2], states: ["listen": 1, "established": 1])

      try closer.close(connected)
      let page = try host.sample { $0.closeWait(of: "leaker") == 1 }
      expectGroup("leaker", page, ["tcp": 2], states: ["listen": 1, "close_wait": 1])
      expectGroup("closer", page, [:])
      #expect(try #require(page.closeWaitOldest(of: "leaker")) >= 0)
      #expect(
        page.rows("socket_pid_tcp_close_wait", by: "pid", ["process": "leaker"])
          == ["\(try leaker.pid())": 1])
      // The host's sockets are those of the TCP table.
      try expectSameAsSocketStatistics(page, on: host)
      #expect(page.sockets("close_wait") == 0)

      try leaker.close(accepted)
      let closed = try host.sample { $0.closeWait(of: "leaker") == 0 }
      expectGroup("leaker", closed, ["tcp": 1], states: ["listen": 1])
      #expect(closed.closeWaitOldest(of: "leaker") == nil)
    }
  }

  @Test("Multipath TCP that fell back to TCP is as old in CLOSE_WAIT as the kernel knows")
  func multipathFallback() async throws {
    try await TestHost.run { host in
      let leaker = try host.actor(named: "leaker")
      let closer = try host.actor(named: "closer")
      let listener = try closer.listen()
      let connected = try leaker.socket(.mptcp4)
      try leaker.connect(connected, to: listener)
      try closer.shutdown(closer.accept(listener))
      let page = try host.sample {
        $0.closeWait(of: "leaker") == 1 && $0.closeWaitOldest(of: "leaker") ?? 0 > 0.05
      }
      expectGroup("leaker", page, ["tcp": 1], states: ["close_wait": 1])
      expectSockets(page, ["ipv4": ["listen": 1, "close_wait": 1, "fin_wait2": 1]])
    }
  }
}
