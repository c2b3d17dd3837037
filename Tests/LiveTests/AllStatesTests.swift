import TestSupport
import Testing

/// Connections in every state that a socket in the kernel's tables can be held in, as many of each as
/// is the number of the state. The states in which an answer is missing are made by losing packets.
///
/// CLOSE is the state of sockets that are in no table.
private struct EveryState {
  let held = 12
  let requests = 3
  let starting = 2
  let finWait1 = 4
  let closeWait = 8
  let lastAck = 9
  let closing = 11
  let timeWait = 6

  private enum Port: Int, CaseIterable {
    case whole = 8080
    case lostRequest, lostAcknowledgement, lostFinOfClient, lostFinOfServer
  }

  static func losePackets(on host: TestHost) throws {
    // Who gets no answer goes on asking for longer than any test takes.
    for parameter in ["tcp_syn_retries", "tcp_synack_retries"] {
      try host.set("net.ipv4.\(parameter)", to: "20")
    }
    try host.drop(
      "tcp dport \(Port.lostRequest.rawValue) tcp flags & (syn | ack) == syn",
      "tcp dport \(Port.lostAcknowledgement.rawValue) tcp flags & (syn | ack) == ack",
      "tcp dport \(Port.lostFinOfClient.rawValue) tcp flags & fin == fin",
      "tcp sport \(Port.lostFinOfServer.rawValue) tcp flags & fin == fin")
  }

  /// Makes all but those in TIME_WAIT; returns the listener for these.
  func make(
    _ address: String, client: SocketActor, server: SocketActor, on host: TestHost
  ) throws -> SocketActor.Listener {
    var listeners: [Port: SocketActor.Listener] = [:]
    for port in Port.allCases {
      listeners[port] = try server.listen(address, port: port.rawValue)
    }
    func listener(_ port: Port) throws -> SocketActor.Listener {
      try #require(listeners[port])
    }
    func pairs(_ port: Port, _ count: Int) throws -> [(own: Int, peer: Int)] {
      try (0..<count).map { _ in try client.connect(to: listener(port), of: server) }
    }

    _ = try pairs(.whole, held)
    for pair in try pairs(.whole, closeWait) { try client.shutdown(pair.own) }
    for _ in 0..<starting { try client.beginConnecting(to: listener(.lostRequest)) }
    for _ in 0..<requests { try client.connect(to: listener(.lostAcknowledgement)) }
    for pair in try pairs(.lostFinOfClient, finWait1) { try client.shutdown(pair.own) }
    for pair in try pairs(.lostFinOfClient, closing) {
      try client.shutdown(pair.own)
      try server.shutdown(pair.peer)
    }
    let halfClosed = try pairs(.lostFinOfServer, lastAck)
    for pair in halfClosed { try client.shutdown(pair.own) }
    // Else what acknowledges the client's FIN would be lost, too, with the server's.
    let family = address.contains(":") ? "ipv6" : "ipv4"
    try eventually("every FIN but the lost ones is acknowledged") {
      let counts = try SocketStatistics(on: host).counts
      return counts[["state": "fin_wait1", "family": family]] == Double(finWait1) ? true : nil
    }
    for pair in halfClosed { try server.shutdown(pair.peer) }
    return try listener(.whole)
  }

  /// Last, for the kernel ends them after a minute.
  func makeTimeWait(
    _ listener: SocketActor.Listener, client: SocketActor, server: SocketActor
  ) throws {
    for _ in 0..<timeWait {
      let pair = try client.connect(to: listener, of: server)
      try client.close(pair.own)
      _ = try server.read(pair.peer)
      try server.close(pair.peer)
    }
  }

  /// What the client's process holds.
  var clientStates: [String: Double] {
    [
      "established": Double(held + requests), "syn_sent": Double(starting),
      "fin_wait1": Double(finWait1), "fin_wait2": Double(closeWait + lastAck),
      "closing": Double(closing),
    ]
  }

  /// What the server's process holds: of the connections, those it has accepted.
  var serverStates: [String: Double] {
    [
      "listen": Double(Port.allCases.count), "established": Double(held + finWait1),
      "close_wait": Double(closeWait), "last_ack": Double(lastAck), "fin_wait2": Double(closing),
    ]
  }

  /// What the host has: what the two hold, and what no process does.
  var states: [String: Double] {
    clientStates.merging(serverStates, uniquingKeysWith: +)
      .merging(["syn_recv": Double(requests), "time_wait": Double(timeWait)]) { $0 + $1 }
  }

  /// Those that wait for the acknowledgement of what they sent.
  var retransmitting: Double {
    Double(starting + requests + finWait1 + closing + lastAck)
  }
}

@Suite("Every state at once", .onTestHost, .hangLimit)
struct AllStatesTests {
  private static func populate(_ host: TestHost) throws -> EveryState {
    let states = EveryState()
    try EveryState.losePackets(on: host)
    let client = try host.actor(named: "client")
    let server = try host.actor(named: "server")
    let listeners = try ["127.0.0.1", "::1"].map {
      try states.make($0, client: client, server: server, on: host)
    }
    for listener in listeners {
      try states.makeTimeWait(listener, client: client, server: server)
    }
    return states
  }

  private static func expectStates(_ page: MetricPage, _ states: EveryState) {
    expectSockets(page, ["ipv4": states.states, "ipv6": states.states])
    for (process, held) in [("client", states.clientStates), ("server", states.serverStates)] {
      let both = held.mapValues { 2 * $0 }
      expectGroup(process, page, ["tcp": both.values.reduce(0, +)], states: both)
    }
    #expect(page.sum("socket_process_tcp_sockets", ["state": "time_wait"]) == 0)
    #expect(page.sum("socket_process_tcp_sockets", ["state": "syn_recv"]) == 0)
    #expect(page.value("socket_sockstat_tcp_time_wait") == 2 * Double(states.timeWait))
  }

  @Test("in both families: on the host, and in the processes that hold them")
  func everyState() async throws {
    try await TestHost.run { host in
      let states = try Self.populate(host)
      let page = try host.sample {
        $0.sockets("time_wait", "ipv6") == Double(states.timeWait)
          && $0.sockets("closing", "ipv6") == Double(states.closing)
      }
      Self.expectStates(page, states)
      try expectSameAsSocketStatistics(page, on: host)
      let timers = page.rows("socket_tcp_timer_sockets", by: "timer")
      #expect(
        timers == ["retransmit": 2 * states.retransmitting, "keepalive": 0, "probe": 0])
    }
  }

  @Test("the same from /proc/net, where netlink is refused")
  func withoutNetlink() async throws {
    try await TestHost.run { host in
      let states = try Self.populate(host)
      _ = try host.sample { $0.sockets("time_wait", "ipv6") == Double(states.timeWait) }
      let page = try host.sample(wrapper: Exporter.withoutNetlink)
      Self.expectStates(page, states)
      try expectSameAsSocketStatistics(page, on: host)
    }
  }

  @Test("by port, for the ports that somebody listens on")
  func byPort() async throws {
    try await TestHost.run { host in
      let states = try Self.populate(host)
      let page = try host.sample { $0.sockets("time_wait", "ipv6") == Double(states.timeWait) }
      let ports: [String: [String: Int]] = [
        "8080": ["listen": 1, "established": states.held, "close_wait": states.closeWait],
        "8081": ["listen": 1, "close_wait": 0],
        "8082": ["listen": 1, "syn_recv": states.requests, "close_wait": 0],
        "8083": [
          "listen": 1, "established": states.finWait1, "fin_wait2": states.closing,
          "close_wait": 0,
        ],
        "8084": ["listen": 1, "last_ack": states.lastAck, "close_wait": 0],
      ]
      for (port, expected) in ports {
        let found = page.rows("socket_listener_tcp_sockets", by: "state", ["port": port])
        #expect(found == expected.mapValues { 2 * Double($0) }, "port \(port)")
      }
      #expect(
        Set(page.samples("socket_listener_tcp_sockets").map { $0.labels["port"] })
          == Set(ports.keys))
    }
  }
}
