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
    guard let sockstat = snapshot.sockstat else { return }
    page.write(socketsUsed, of: sockstat) { $0.sample(value: $1.value.socketsUsed) }
    page.write(inUse, of: sockstat) { series, sockstat in
      for proto in Sockstat.InternetProtocol.allCases {
        for family in AddressFamily.allCases {
          series.sample(
            proto.label, family.label, value: sockstat.value[family].inUse[proto.rawValue])
        }
      }
    }
    page.write(tcpOrphans, of: sockstat) { $0.sample(value: $1.value.tcpOrphans) }
    page.write(tcpTimeWait, of: sockstat) { $0.sample(value: $1.value.tcpTimeWait) }
    page.write(tcpAllocated, of: sockstat) { $0.sample(value: $1.value.tcpAllocated) }
    page.write(memory, of: sockstat) { series, sockstat in
      series.sample(Sockstat.InternetProtocol.tcp.label, value: sockstat.value.tcpMemoryBytes)
      series.sample(Sockstat.InternetProtocol.udp.label, value: sockstat.value.udpMemoryBytes)
    }
    page.write(fragmentMemory, of: sockstat) { series, sockstat in
      for family in AddressFamily.allCases {
        series.sample(family.label, value: sockstat.value[family].fragmentMemoryBytes)
      }
    }
  }
}

extension Sockstat {
  fileprivate subscript(family: AddressFamily) -> Family {
    switch family {
    case .ipv4: ipv4
    case .ipv6: ipv6
    }
  }
}
