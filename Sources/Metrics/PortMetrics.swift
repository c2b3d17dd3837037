internal import Exposition
internal import SocketModel

/// Collector `port`.
enum PortMetrics {
  static let available = MetricFamily(
    "socket_ephemeral_ports", .gauge,
    help: """
      Local ports that the kernel chooses from for connections in this network namespace \
      (ip_local_port_range less ip_local_reserved_ports), cached.
      """)
  static let usedWorst = MetricFamily(
    "socket_ephemeral_ports_used_worst", .gauge,
    help: """
      Most ephemeral ports that TCP connections in this network namespace take from one address to \
      one address and port, those in TIME_WAIT included, cached. When all are taken connect() \
      fails there.
      """)
  static let used = MetricFamily(
    "socket_ephemeral_ports_used", .gauge, labels: ["source", "destination"],
    help: """
      Ephemeral ports that TCP connections in this network namespace take from one address to one \
      address and port, those in TIME_WAIT included, for the ten pairs that take most, cached.
      """)

  static func write(_ snapshot: Snapshot, to page: inout MetricWriter) {
    guard let ports = snapshot.port else { return }
    page.write(available, of: ports) { $0.sample(value: $1.value.available) }
    page.write(usedWorst, of: ports) { $0.sample(value: $1.value.worst.first?.ports ?? 0) }
    page.write(used, of: ports) { series, ports in
      for use in ports.value.worst {
        series.sample(
          use.source.text, use.destination.text(port: use.destinationPort), value: use.ports)
      }
    }
  }
}
