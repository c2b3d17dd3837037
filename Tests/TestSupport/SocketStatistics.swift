/// TCP sockets by state and family as `ss` counts them, to compare the exporter's numbers with.
package struct SocketStatistics: Equatable, Sendable {
  /// The state labels of the exporter, by the names `ss` has for them.
  private static let labels = [
    "ESTAB": "established", "SYN-SENT": "syn_sent", "SYN-RECV": "syn_recv",
    "FIN-WAIT-1": "fin_wait1", "FIN-WAIT-2": "fin_wait2", "TIME-WAIT": "time_wait",
    "UNCONN": "close", "CLOSE-WAIT": "close_wait", "LAST-ACK": "last_ack", "LISTEN": "listen",
    "CLOSING": "closing",
  ]

  /// One key for each state and family, as in the labels of `socket_tcp_sockets`.
  package private(set) var counts: [[String: String]: Double] = [:]

  /// What `ss` prints on a host.
  package init(on host: TestHost) throws {
    for (option, family) in [("-H4tan", "ipv4"), ("-H6tan", "ipv6")] {
      for label in Self.labels.values { counts[["state": label, "family": family]] = 0 }
      let printed = try host.run(["ss", option])
      guard printed.exit == .code(0) else { throw TestFailure("ss: \(printed.errors)") }
      for line in printed.text.split(separator: "\n") {
        let word = String(line.prefix { $0 != " " })
        guard let label = Self.labels[word] else { throw TestFailure("ss: unknown state \(word)") }
        counts[["state": label, "family": family], default: 0] += 1
      }
    }
  }

  /// What the exporter says of the same, in `socket_tcp_sockets`.
  package init(_ page: MetricPage) {
    for sample in page.samples("socket_tcp_sockets") { counts[sample.labels] = sample.value }
  }
}
