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
  static let queueBytes = MetricFamily(
    "socket_tcp_queue_bytes", .gauge, unit: .bytes, labels: ["direction", "family"],
    help: """
      Bytes that TCP sockets in this network namespace have received and not yet handed to their \
      process (receive), or were given and have not yet seen acknowledged (send), cached. \
      Listeners are not in it: their queues count connections.
      """)
  static let timers = MetricFamily(
    "socket_tcp_timer_sockets", .gauge, labels: ["timer"],
    help: """
      TCP sockets in this network namespace by the timer that is pending, cached. retransmit: \
      data in flight or a connection request is not acknowledged yet, by itself no sign of loss. \
      keepalive: to ask whether a quiet peer is still there, or to end a connection in FIN_WAIT2 \
      that no process holds any more. probe: to ask whether a peer with a full buffer has room \
      again.
      """)
  static let activeOpens = MetricFamily(
    "socket_tcp_active_opens_total", .counter,
    help: "TCP connections begun from this network namespace, cached.")
  static let passiveOpens = MetricFamily(
    "socket_tcp_passive_opens_total", .counter,
    help: "TCP connections begun by a peer, to this network namespace, cached.")
  static let attemptFails = MetricFamily(
    "socket_tcp_attempt_fails_total", .counter,
    help: """
      TCP connections begun from or to this network namespace that were never established, cached.
      """)
  static let establishedResets = MetricFamily(
    "socket_tcp_established_resets_total", .counter,
    help: """
      TCP connections in ESTABLISHED or CLOSE_WAIT that a reset ended in this network namespace, \
      cached.
      """)
  static let resetsSent = MetricFamily(
    "socket_tcp_resets_sent_total", .counter,
    help: "TCP segments with RST sent from this network namespace, cached.")
  static let segmentsRetransmitted = MetricFamily(
    "socket_tcp_segments_retransmitted_total", .counter,
    help: "TCP segments sent again from this network namespace, cached.")
  static let listenOverflows = MetricFamily(
    "socket_tcp_listen_overflows_total", .counter,
    help: """
      TCP connections that listeners in this network namespace refused because their accept queue \
      was full, cached. They are among the listen drops.
      """)
  static let listenDrops = MetricFamily(
    "socket_tcp_listen_drops_total", .counter,
    help: """
      TCP connections that listeners in this network namespace refused for any reason, cached.
      """)
  static let syncookiesSent = MetricFamily(
    "socket_tcp_syncookies_sent_total", .counter,
    help: """
      SYN cookies sent from this network namespace because a queue of TCP connection requests was \
      full, cached.
      """)
  static let requestQueueFullDrops = MetricFamily(
    "socket_tcp_request_queue_full_drops_total", .counter,
    help: """
      TCP connection requests dropped in this network namespace because their queue was full and \
      SYN cookies are off, cached.
      """)
  static let timeWaitOverflows = MetricFamily(
    "socket_tcp_time_wait_overflows_total", .counter,
    help: """
      TCP sockets in this network namespace that were ended without TIME_WAIT because there were \
      too many in it, cached.
      """)
  static let aborts = MetricFamily(
    "socket_tcp_aborts_total", .counter, labels: ["reason"],
    help: """
      TCP connections in this network namespace that the kernel ended with a reset, by reason, \
      cached: close (closed before all was read), data (closed with a linger time of 0, or data \
      came after the end), timeout (no answer for too long), linger (a linger time below 0), \
      memory (none left, or too many sockets without a process). failed counts resets that could \
      not be sent. A reason that the kernel does not count is left out.
      """)
  static let memoryPressures = MetricFamily(
    "socket_tcp_memory_pressures_total", .counter,
    help: """
      How often TCP began to save memory because of a socket in this network namespace, cached. \
      The memory is that of the whole host.
      """)

  static func write(_ snapshot: Snapshot, to page: inout MetricWriter) {
    guard let tcp = snapshot.tcp else { return }
    page.write(sockets, of: tcp) { series, tcp in
      for state in TCPState.allCases {
        for family in AddressFamily.allCases {
          series.sample(state.label, family.label, value: tcp.value.counts[state, family])
        }
      }
    }
    page.write(queueBytes, of: tcp) { series, tcp in
      for family in AddressFamily.allCases {
        let bytes = tcp.value.queueBytes[family.rawValue]
        series.sample("receive" as StaticString, family.label, value: bytes.receive)
        series.sample("send" as StaticString, family.label, value: bytes.send)
      }
    }
    page.write(timers, of: tcp) { series, tcp in
      series.sample("retransmit" as StaticString, value: tcp.value.retransmitting)
      series.sample("keepalive" as StaticString, value: tcp.value.keepingAlive)
      series.sample("probe" as StaticString, value: tcp.value.probing)
    }
    writeEvents(tcp, to: &page)
  }

  private static func writeEvents(_ tcp: [InNamespace<TCPSockets>], to page: inout MetricWriter) {
    func write(_ family: MetricFamily, _ count: (TCPEvents) -> UInt64?) {
      page.write(family, of: tcp) { $0.sample(value: count($1.value.events)) }
    }
    write(activeOpens) { $0.activeOpens }
    write(passiveOpens) { $0.passiveOpens }
    write(attemptFails) { $0.attemptFails }
    write(establishedResets) { $0.establishedResets }
    write(resetsSent) { $0.resetsSent }
    write(segmentsRetransmitted) { $0.segmentsRetransmitted }
    write(listenOverflows) { $0.listenOverflows }
    write(listenDrops) { $0.listenDrops }
    write(syncookiesSent) { $0.syncookiesSent }
    write(requestQueueFullDrops) { $0.requestQueueFullDrops }
    write(timeWaitOverflows) { $0.timeWaitOverflows }
    page.write(aborts, of: tcp) { series, tcp in
      for reason in TCPEvents.AbortReason.allCases {
        series.sample(reason.label, value: tcp.value.events.aborts[reason.rawValue])
      }
    }
    write(memoryPressures) { $0.memoryPressures }
  }
}
