internal import Exposition
internal import SocketModel

/// Collector `sockstat`.
enum SockstatMetrics {
  static let socketsUsed = MetricFamily(
    "socket_sockstat_sockets_used", .gauge,
    help: "Sockets of every family in use in this network namespace, cached.")
  static let inUse = MetricFamily(
    "socket_sockstat_inuse", .gauge, labels: ["protocol", "family"],
    help: """
      Sockets (frag: reassembly queues) in use in this network namespace, cached. A protocol that \
      the kernel does not have is left out.
      """)
  static let tcpOrphans = MetricFamily(
    "socket_sockstat_tcp_orphans", .gauge,
    help: "TCP sockets that no process holds any more, whole host, cached.")
  static let tcpTimeWait = MetricFamily(
    "socket_sockstat_tcp_time_wait", .gauge,
    help: "TCP sockets in TIME_WAIT in this network namespace, cached.")
  static let tcpAllocated = MetricFamily(
    "socket_sockstat_tcp_allocated", .gauge,
    help: "TCP sockets allocated in any state, whole host, cached.")
  static let memory = MetricFamily(
    "socket_sockstat_memory_bytes", .gauge, unit: .bytes, labels: ["protocol"],
    help: "Memory of socket buffers, whole host, cached. The kernel counts it in pages.")
  static let fragmentMemory = MetricFamily(
    "socket_sockstat_fragment_memory_bytes", .gauge, unit: .bytes, labels: ["family"],
    help: "Memory of IP fragments awaiting reassembly in this network namespace, cached.")

  static func write(_ snapshot: Snapshot, to page: inout MetricWriter) {
    guard let sockstat = snapshot.sockstat?.own() else { return }
    let families: [(AddressFamily, Sockstat.Family)] = [
      (.ipv4, sockstat.ipv4), (.ipv6, sockstat.ipv6),
    ]
    page.write(socketsUsed, sockstat.socketsUsed)
    page.write(inUse) { series in
      for proto in Sockstat.InternetProtocol.allCases {
        for (family, values) in families {
          guard let value = values.inUse[proto.rawValue] else { continue }
          series.sample(proto.label, family.label, value: value)
        }
      }
    }
    page.write(tcpOrphans, sockstat.tcpOrphans)
    page.write(tcpTimeWait, sockstat.tcpTimeWait)
    page.write(tcpAllocated, sockstat.tcpAllocated)
    page.write(memory) { series in
      if let value = sockstat.tcpMemoryBytes {
        series.sample(Sockstat.InternetProtocol.tcp.label, value: value)
      }
      if let value = sockstat.udpMemoryBytes {
        series.sample(Sockstat.InternetProtocol.udp.label, value: value)
      }
    }
    page.write(fragmentMemory) { series in
      for (family, values) in families {
        guard let value = values.fragmentMemoryBytes else { continue }
        series.sample(family.label, value: value)
      }
    }
  }
}
