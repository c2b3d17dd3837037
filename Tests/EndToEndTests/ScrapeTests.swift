import Foundation
import TestSupport
import Testing

/// What a Prometheus stores that scrapes the exporter, beside what is known of the host.
@Suite(
  .enabled(if: TestHost.isAvailable, TestHost.unavailability),
  .enabled(if: PrometheusServer.isInstalled, PrometheusServer.unavailability))
struct ScrapeTests {
  /// How the scrapes of each job reach the exporter.
  private static let rewrites = [
    AcceptRewriter.Rewrite(name: "text", accept: AcceptHeader.textOnly),
    AcceptRewriter.Rewrite(name: "prometheus-3", accept: AcceptHeader.prometheus3),
  ]

  @Test(
    .enabled(if: AcceptRewriter.isInstalled, AcceptRewriter.unavailability),
    .enabled(if: Tools.areInstalled("ss"), "needs ss"))
  func `in either format, PromQL says what ss says`() async throws {
    try await TestHost.run { host in
      // FIN_WAIT2 would end after a minute, which a busy machine may take to get to where it is counted.
      try host.set("net.ipv4.tcp_fin_timeout", to: "3600")
      let leaker = try host.actor(named: "leaker")
      let peer = try host.actor(named: "peer")
      let ipv4 = try leaker.listen()
      let ipv6 = try leaker.listen("::1")
      for (listener, count) in [(ipv4, 3), (ipv6, 2)] {
        for _ in 0..<count {
          let connection = try peer.connect(to: listener, of: leaker)
          // The peer closes; the leaker is left in CLOSE_WAIT.
          try peer.close(connection.own)
        }
        try peer.connect(to: listener, of: leaker)
      }

      let exporter = try host.serve("--collect.interval", "500ms")
      let rewriter = try AcceptRewriter(
        on: host, upstreamPort: exporter.port, ScrapeTests.rewrites)
      var configuration = try PrometheusServer.shippedConfiguration(port: exporter.port)
      for rewrite in ScrapeTests.rewrites {
        configuration += """
            - job_name: \(rewrite.name)
              metrics_path: /\(rewrite.name)/metrics
              static_configs:
                - targets: ["127.0.0.1:\(AcceptRewriter.port)"]

          """
      }
      let prometheus = try PrometheusServer(on: host, configuration: configuration)
      let jobs = ["socket-exporter"] + ScrapeTests.rewrites.map(\.name)

      for job in jobs {
        _ = try eventually("\(job) is up") {
          try prometheus.value(#"up{job="\#(job)"} == 1"#)
        }
      }
      // nginx writes what it has answered afterwards, and also that a scrape was given up.
      let answers = try eventually("both formats are asked for") {
        let found = try rewriter.answers().filter { $0.contains(" 200 ") }
        return found.count >= ScrapeTests.rewrites.count ? found : nil
      }
      #expect(
        answers == [
          "/text/metrics 200 text/plain; version=0.0.4; charset=utf-8",
          "/prometheus-3/metrics 200 application/openmetrics-text; version=1.0.0; charset=utf-8",
        ])

      // A scrape that was given up leaves its job without numbers until the next one, and its connection
      // among those that are counted.
      func awaitCount(_ count: Double, of query: String) throws {
        try eventually("every job counts \(count) of \(query)") {
          try prometheus.query(query).map(\.value) == jobs.map { _ in count } ? true : nil
        }
      }
      // Known by construction.
      for (family, held) in [("ipv4", 3.0), ("ipv6", 2.0)] {
        for state in ["close_wait", "fin_wait2"] {
          try awaitCount(held, of: #"socket_tcp_sockets{state="\#(state)", family="\#(family)"}"#)
        }
      }
      // Two listeners, five half-closed connections, two open ones.
      try awaitCount(9, of: #"socket_process_socket_fds{process="leaker", kind="tcp"}"#)

      // And all states as ss counts them.
      let deadline = Deadline(after: .patience)
      var counted: [[String: String]: Double]
      var said: [String: [[String: String]: Double]]
      repeat {
        // So long that the last scrapes are younger than the last thing that happened here: this
        // test's own question to Prometheus. What ends by itself meanwhile, a TIME_WAIT, takes
        // another round.
        Thread.sleep(forTimeInterval: 3)
        counted = try SocketStatistics(on: host).counts
        said = try tcpSockets(prometheus)
      } while jobs.contains { said[$0] != counted } && !deadline.hasPassed
      for job in jobs { #expect(said[job] == counted, "\(job)") }

      // A counter is a counter, a gauge a gauge, in both formats.
      let documentation = try MetricDocumentation()
      for (metric, types) in try prometheus.types() {
        // OpenMetrics names the family of a counter without its suffix.
        let entry = documentation.entries[metric] ?? documentation.entries[metric + "_total"]
        #expect(types == [entry?.type ?? "undocumented"], "\(metric)")
      }
    }
  }

  /// The TCP sockets that each job's last scrape found, by state and family.
  private func tcpSockets(
    _ prometheus: PrometheusServer
  ) throws -> [String: [[String: String]: Double]] {
    var counts: [String: [[String: String]: Double]] = [:]
    for series in try prometheus.query("socket_tcp_sockets") {
      let labels = series.labels.filter { ["state", "family"].contains($0.key) }
      counts[series.labels["job"] ?? "", default: [:]][labels] = series.value
    }
    return counts
  }
}
