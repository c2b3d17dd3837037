internal import Exposition
internal import SocketModel

/// Collector `limit`.
enum LimitMetrics {
  static let fileHandles = MetricFamily(
    "socket_file_handles", .gauge,
    help: "Open files, sockets included, whole host, cached.")
  static let fileHandlesLimit = MetricFamily(
    "socket_file_handles_limit", .gauge,
    help: "How many files may be open at once (fs.file-max), whole host, cached.")
  static let memoryLimit = MetricFamily(
    "socket_sockstat_memory_limit_bytes", .gauge, unit: .bytes, labels: ["protocol", "threshold"],
    help: """
      Memory of socket buffers above which the kernel begins to save it (pressure) or refuses \
      more (high), and below which it stops saving (low), whole host, cached. The kernel counts \
      it in pages (net.ipv4.tcp_mem, net.ipv4.udp_mem). Left out where the exporter has a network \
      namespace of its own.
      """)
  static let tcpOrphansLimit = MetricFamily(
    "socket_sockstat_tcp_orphans_limit", .gauge,
    help: """
      How many TCP sockets may be without a process before the kernel resets them \
      (net.ipv4.tcp_max_orphans), whole host, cached. Left out where the exporter has a network \
      namespace of its own.
      """)
  static let tcpTimeWaitLimit = MetricFamily(
    "socket_sockstat_tcp_time_wait_limit", .gauge,
    help: """
      How many TCP sockets may be in TIME_WAIT in this network namespace \
      (net.ipv4.tcp_max_tw_buckets), cached.
      """)
  static let listenBacklogLimit = MetricFamily(
    "socket_listen_backlog_limit", .gauge,
    help: """
      What bounds the backlog of listen() in this network namespace (net.core.somaxconn), cached.
      """)
  static let synBacklogLimit = MetricFamily(
    "socket_syn_backlog_limit", .gauge,
    help: """
      How many connection requests may be pending at a listener in this network namespace where \
      SYN cookies are off (net.ipv4.tcp_max_syn_backlog), cached. Its accept backlog bounds them \
      as well, whether they are on or off.
      """)
  static let conntrackEntries = MetricFamily(
    "socket_conntrack_entries", .gauge,
    help: """
      Connections that netfilter tracks in this network namespace, cached. Left out where it \
      tracks none.
      """)
  static let conntrackEntriesLimit = MetricFamily(
    "socket_conntrack_entries_limit", .gauge,
    help: """
      How many connections netfilter may track in this network namespace \
      (net.netfilter.nf_conntrack_max), cached. Left out where it tracks none.
      """)

  static func write(_ snapshot: Snapshot, to page: inout MetricWriter) {
    guard let limit = snapshot.limit else { return }
    page.write(fileHandles, limit.fileHandles)
    page.write(fileHandlesLimit, limit.fileHandlesLimit)
    page.write(memoryLimit) { series in
      for (proto, thresholds) in [
        (Sockstat.InternetProtocol.tcp, limit.tcpMemory), (.udp, limit.udpMemory),
      ] {
        series.sample(proto.label, "low" as StaticString, value: thresholds?.low)
        series.sample(proto.label, "pressure" as StaticString, value: thresholds?.pressure)
        series.sample(proto.label, "high" as StaticString, value: thresholds?.high)
      }
    }
    page.write(tcpOrphansLimit, limit.tcpOrphans)
    page.write(tcpTimeWaitLimit, of: limit.namespaces) { $0.sample(value: $1.value.tcpTimeWait) }
    page.write(listenBacklogLimit, of: limit.namespaces) {
      $0.sample(value: $1.value.listenBacklog)
    }
    page.write(synBacklogLimit, of: limit.namespaces) { $0.sample(value: $1.value.synBacklog) }
    page.write(conntrackEntries, of: limit.namespaces) {
      $0.sample(value: $1.value.conntrackEntries)
    }
    page.write(conntrackEntriesLimit, of: limit.namespaces) {
      $0.sample(value: $1.value.conntrackEntriesLimit)
    }
  }
}
