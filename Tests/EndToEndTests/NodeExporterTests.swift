import Foundation
import TestSupport
import Testing

/// The rules that record node_exporter's names, beside node_exporter.
@Suite(
  .enabled(if: TestHost.isAvailable, TestHost.unavailability),
  .enabled(if: PrometheusServer.isInstalled, PrometheusServer.unavailability),
  .enabled(
    if: Tools.areInstalled("prometheus-node-exporter", "nft"),
    "needs prometheus-node-exporter and nft"))
struct NodeExporterTests {
  private static let rules = "deploy/prometheus/socket-exporter.node-exporter.yml"

  /// Of the whole machine, where other tests and other people are at work: the two exporters are never
  /// asked at the same moment, so these can only be alike, and not at every moment.
  private static let ofTheMachine: Set = [
    "node_filefd_allocated", "node_sockstat_TCP_alloc", "node_sockstat_TCP_orphan",
    "node_sockstat_TCP_mem", "node_sockstat_TCP_mem_bytes", "node_sockstat_UDP_mem",
    "node_sockstat_UDP_mem_bytes",
  ]

  /// One query's answer: the two exporters at one moment.
  private struct Moment {
    /// What our rules recorded.
    var ours: [[String: String]: Double] = [:]
    /// What node_exporter has of it, with the differences by design taken out.
    var theirs: [[String: String]: Double] = [:]

    init(_ prometheus: PrometheusServer) throws {
      var queues: [String: Double] = [:]
      let query = #"{__name__=~"node_.+|socket_listener_accept_queue(_limit)?"}"#
      for series in try prometheus.query(query) {
        var labels = series.labels
        let job = labels.removeValue(forKey: "job")
        labels["instance"] = nil
        if let name = labels["__name__"], name.hasPrefix("socket_") {
          queues[name, default: 0] += series.value
        } else if job == "node" {
          theirs[labels] = series.value
        } else {
          ours[labels] = series.value
        }
      }

      for (series, value) in ours where series["__name__"] == "node_tcp_connection_states" {
        switch series["state"] {
        // They add connections that wait at listeners to the bytes that wait in sockets.
        case "rx_queued_bytes":
          theirs[series]? -= queues["socket_listener_accept_queue"] ?? 0
        // And what may wait there. They look while they are scraped, so the scrape's own request is among
        // the bytes that are not acknowledged yet.
        case "tx_queued_bytes":
          theirs[series]? -= queues["socket_listener_accept_queue_limit"] ?? 0
          if let bytes = theirs[series], (value...value + 1024).contains(bytes) {
            theirs[series] = value
          }
        // They have no series for a state that no socket is in.
        default:
          if value == 0 { theirs[series] = theirs[series] ?? 0 }
        }
      }
      theirs = theirs.filter { ours[$0.key] != nil }
    }

    /// The series that are not as they should be.
    var differences: Set<[String: String]> {
      Set(
        ours.compactMap { series, value in
          guard let other = theirs[series] else { return series }
          guard NodeExporterTests.isOfTheMachine(series) else {
            return other == value ? nil : series
          }
          return abs(other - value) <= max(64, value / 2) ? nil : series
        })
    }
  }

  private static func isOfTheMachine(_ series: [String: String]) -> Bool {
    ofTheMachine.contains(series["__name__"] ?? "")
  }

  @Test func `every series the rules record is as node_exporter has it`() async throws {
    try await TestHost.run { host in
      // The kernel tracks connections where a rule asks for their state.
      try host.drop("tcp dport 9 ct state invalid")
      let exporter = try host.serve("--collect.interval", "500ms")
      _ = try host.start([
        "prometheus-node-exporter", "--web.listen-address", "127.0.0.1:9100",
        "--collector.disable-defaults", "--collector.sockstat", "--collector.tcpstat",
        "--collector.netstat", "--collector.filefd", "--collector.conntrack",
      ])
      let configuration = try PrometheusServer.shippedConfiguration(
        port: exporter.port, rules: Repository.path(Self.rules))
      let prometheus = try PrometheusServer(
        on: host,
        configuration: configuration + """
            - job_name: node
              static_configs:
                - targets: ["127.0.0.1:9100"]

          """)
      for job in ["socket-exporter", "node"] {
        try eventually("\(job) is up") {
          try prometheus.value(#"up{job="\#(job)"} == 1"#)
        }
      }

      let server = try host.actor(named: "server")
      let client = try host.actor(named: "client")
      for address in ["127.0.0.1", "::1"] {
        let listener = try server.listen(address, backlog: 16)
        let closed = try client.connect(to: listener, of: server)
        try client.close(closed.own)
        let unread = try client.connect(to: listener, of: server)
        try client.write("twelve bytes", to: unread.own)
        let shut = try client.connect(to: listener, of: server)
        try server.shutdown(shut.peer)
        let waiting = try client.connect(to: listener, of: server)
        try client.close(waiting.own)
        try server.close(waiting.peer)
        // Two that nobody accepts.
        try client.connect(to: listener)
        try client.connect(to: listener)
      }
      let full = try server.listen(backlog: 1)
      for _ in 0..<4 { try client.beginConnecting(to: full) }
      for kind in [SocketActor.Kind.udp4, .udp6, .udplite4, .raw4, .raw6] {
        let descriptor = try client.socket(kind)
        if kind == .udp4 || kind == .udplite4 { try client.bind(descriptor) }
        if kind == .udp6 { try client.bind(descriptor, to: "::1") }
      }

      let deadline = Deadline(after: .patience)
      var moment: Moment
      var different: Set<[String: String]>
      var neverAlike: Set<[String: String]>?
      var largest: [[String: String]: Double] = [:]
      repeat {
        // So long that the last scrapes are younger than this test's own question to Prometheus. What
        // ends by itself meanwhile, a TIME_WAIT, takes another round.
        Thread.sleep(forTimeInterval: 4)
        moment = try Moment(prometheus)
        largest.merge(moment.ours, uniquingKeysWith: max)
        different = moment.differences
        let machine = different.filter(Self.isOfTheMachine)
        neverAlike = neverAlike?.intersection(machine) ?? machine
        different = different.subtracting(machine).union(neverAlike ?? [])
      } while !different.isEmpty && !deadline.hasPassed
      for series in different {
        Issue.record(
          "\(series): ours \(moment.ours[series] ?? -1), theirs \(moment.theirs[series] ?? -1)")
      }

      let recorded = try Repository.text(Self.rules)
        .matches(of: /- record: (\w+)/).map { String($0.1) }
      #expect(Set(moment.ours.keys.compactMap { $0["__name__"] }) == Set(recorded))

      // It was no comparison of zeros.
      func ours(_ name: String, _ state: String? = nil) -> Double {
        largest[
          ["__name__": name].merging(state.map { ["state": $0] } ?? [:]) { $1 }] ?? -1
      }
      for state in [
        "established", "close_wait", "fin_wait2", "time_wait", "syn_sent", "listen",
        "rx_queued_bytes",
      ] {
        #expect(ours("node_tcp_connection_states", state) > 0, "\(state)")
      }
      #expect(ours("node_tcp_connection_states", "closing") == 0)
      for name in [
        "node_sockstat_TCP6_inuse", "node_sockstat_UDP_inuse", "node_sockstat_UDP6_inuse",
        "node_sockstat_UDPLITE_inuse", "node_sockstat_RAW_inuse", "node_sockstat_RAW6_inuse",
        "node_sockstat_TCP_tw", "node_filefd_maximum",
        "node_nf_conntrack_entries", "node_nf_conntrack_entries_limit",
        "node_netstat_Tcp_ActiveOpens", "node_netstat_Tcp_CurrEstab",
        "node_netstat_TcpExt_ListenOverflows",
      ] {
        #expect(ours(name) > 0, "\(name)")
      }
    }
  }
}
