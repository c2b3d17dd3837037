/// TCP sockets as `ss` lists them, to compare the exporter's numbers with.
package struct SocketStatistics: Sendable {
  /// The state labels of the exporter, by the names `ss` has for them.
  private static let states = [
    "ESTAB": "established", "SYN-SENT": "syn_sent", "SYN-RECV": "syn_recv",
    "FIN-WAIT-1": "fin_wait1", "FIN-WAIT-2": "fin_wait2", "TIME-WAIT": "time_wait",
    "UNCONN": "close", "CLOSE-WAIT": "close_wait", "LAST-ACK": "last_ack", "LISTEN": "listen",
    "CLOSING": "closing",
  ]
  /// The timers the exporter counts, by the names `ss` has for them.
  private static let timers = [
    "timer:(on": "retransmit", "timer:(keepalive": "keepalive", "timer:(persist": "probe",
  ]

  /// One key for each state and family, as in the labels of `socket_tcp_sockets`.
  package private(set) var counts: [[String: String]: Double] = [:]
  /// One key for each direction and family, as in the labels of `socket_tcp_queue_bytes`.
  package private(set) var queueBytes: [[String: String]: Double] = [:]
  /// One key for each timer, as in the labels of `socket_tcp_timer_sockets`.
  package private(set) var timers: [[String: String]: Double] = [:]

  /// What `ss` prints on a host.
  package init(on host: TestHost) throws {
    for timer in Self.timers.values { timers[["timer": timer]] = 0 }
    for (option, family) in [("-H4tano", "ipv4"), ("-H6tano", "ipv6")] {
      for state in Self.states.values { counts[["state": state, "family": family]] = 0 }
      for direction in ["receive", "send"] {
        queueBytes[["direction": direction, "family": family]] = 0
      }
      let printed = try host.run(["ss", option])
      guard printed.exit == .code(0) else { throw TestFailure("ss: \(printed.errors)") }
      for line in printed.text.split(separator: "\n") { try add(line, family) }
    }
  }

  private mutating func add(_ line: Substring, _ family: String) throws {
    let words = line.split(separator: " ")
    guard words.count >= 5, let state = Self.states[String(words[0])],
      let receive = Double(words[1]), let send = Double(words[2])
    else { throw TestFailure("ss: \(line)") }
    counts[["state": state, "family": family], default: 0] += 1
    // Those of listeners count connections.
    if state != "listen" {
      queueBytes[["direction": "receive", "family": family], default: 0] += receive
      queueBytes[["direction": "send", "family": family], default: 0] += send
    }
    if words.count > 5, let timer = Self.timers[String(words[5].prefix { $0 != "," })] {
      timers[["timer": timer], default: 0] += 1
    }
  }

  /// What the exporter says of the same.
  package init(_ page: MetricPage) {
    for sample in page.samples("socket_tcp_sockets") { counts[sample.labels] = sample.value }
    for sample in page.samples("socket_tcp_queue_bytes") {
      queueBytes[sample.labels] = sample.value
    }
    for sample in page.samples("socket_tcp_timer_sockets") { timers[sample.labels] = sample.value }
  }
}

extension TestHost {
  /// Waits until every FIN is acknowledged. The kernel puts that off for a moment, and until then who
  /// sent it is in FIN_WAIT1.
  ///
  /// - Parameter actor: in whose network namespace; nil for the host's own.
  package func awaitAcknowledgements(in actor: SocketActor? = nil) throws {
    let wrapper = try actor.map { ["nsenter", "--net=/proc/\(try $0.pid())/ns/net"] } ?? []
    try eventually("every FIN is acknowledged") { () -> Bool? in
      let listed = try run(wrapper + ["ss", "-Htan", "state", "fin-wait-1"])
      guard listed.exit == .code(0) else { throw TestFailure("ss: \(listed.errors)") }
      return listed.output.isEmpty ? true : nil
    }
  }
}
