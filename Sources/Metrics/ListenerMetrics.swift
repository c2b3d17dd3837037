internal import Exposition
internal import SocketModel

/// Collector `listener`.
enum ListenerMetrics {
  static let acceptQueue = MetricFamily(
    "socket_listener_accept_queue", .gauge, labels: ["address", "port", "process"],
    help: """
      Connections that wait for accept() at a TCP listener in this network namespace, cached. \
      Listeners on one address and port of one group of processes are summed, and so are those \
      past 250 (address=other).
      """)
  static let acceptQueueLimit = MetricFamily(
    "socket_listener_accept_queue_limit", .gauge, labels: ["address", "port", "process"],
    help: """
      The limit of the connections that wait for accept() at a TCP listener in this network \
      namespace (the backlog of listen(), bounded by net.core.somaxconn), cached. The kernel lets \
      one more than that wait. Left out where it refuses sock_diag.
      """)
  static let tcpSockets = MetricFamily(
    "socket_listener_tcp_sockets", .gauge, labels: ["port", "state"],
    help: """
      TCP sockets in this network namespace by state whose local port has a listener here, cached. \
      close_wait and listen are always written, other states where they are not 0. Ports past 250 \
      are summed into port=other.
      """)
  static let folded = MetricFamily(
    "socket_listeners_folded", .gauge,
    help: """
      Listeners in this network namespace summed into address=other because there are more than \
      250, cached. Those with connections waiting are the last to be.
      """)
  static let foldedPorts = MetricFamily(
    "socket_listener_ports_folded", .gauge,
    help: """
      Ports with a listener in this network namespace summed into port=other because there are \
      more than 250, cached. Those with most sockets are the last to be.
      """)

  static func write(_ snapshot: Snapshot, to page: inout MetricWriter) {
    guard let listeners = snapshot.listener else { return }
    page.write(acceptQueue, of: listeners) { series, listeners in
      for listener in listeners.value.listeners {
        series.sample(
          listener.address, PortLabel(number: listener.port), listener.process,
          value: listener.acceptQueue)
      }
    }
    page.write(acceptQueueLimit, of: listeners) { series, listeners in
      for listener in listeners.value.listeners {
        series.sample(
          listener.address, PortLabel(number: listener.port), listener.process,
          value: listener.acceptQueueLimit)
      }
    }
    page.write(tcpSockets, of: listeners) { series, listeners in
      for port in listeners.value.ports {
        for state in TCPState.allCases
        where state == .closeWait || state == .listen || port.sockets[state] > 0 {
          series.sample(PortLabel(number: port.number), state.label, value: port.sockets[state])
        }
      }
    }
    page.write(folded, of: listeners) { $0.sample(value: $1.value.foldedListeners) }
    page.write(foldedPorts, of: listeners) { $0.sample(value: $1.value.foldedPorts) }
  }
}

/// The number of a port, or the word for all that were summed into one.
private struct PortLabel: LabelValue {
  let number: UInt16?

  func append(to bytes: inout [UInt8]) {
    if let number { number.append(to: &bytes) } else { "other".append(to: &bytes) }
  }
}
