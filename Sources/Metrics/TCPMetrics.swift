internal import Exposition
internal import SocketModel

/// Collector `tcp`.
enum TCPMetrics {
  static let sockets = MetricFamily(
    "socket_tcp_sockets", .gauge, labels: ["state", "family"],
    help: """
      TCP sockets in this network namespace by state, cached. Every state is always written. A \
      connection request that is not yet accepted counts as syn_recv.
      """)

  static func write(_ snapshot: Snapshot, to page: inout MetricWriter) {
    guard let counts = snapshot.tcp?.own()?.counts else { return }
    page.write(sockets) { series in
      for state in TCPState.allCases {
        for family in AddressFamily.allCases {
          series.sample(state.label, family.label, value: counts[state, family])
        }
      }
    }
  }
}
