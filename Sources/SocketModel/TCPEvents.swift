/// What has happened to TCP in a network namespace since it was made, from `/proc/net/snmp` and
/// `/proc/net/netstat`. Each is nil where the kernel does not count it.
package struct TCPEvents: Sendable, Equatable {
  /// Why the kernel reset a connection by itself (`TCPAbortOn...` of `TcpExt`).
  package enum AbortReason: Int, CaseIterable, Sendable {
    case data, close, memory, timeout, linger, failed

    /// The value of the `reason` label.
    package var label: StaticString {
      switch self {
      case .data: "data"
      case .close: "close"
      case .memory: "memory"
      case .timeout: "timeout"
      case .linger: "linger"
      case .failed: "failed"
      }
    }
  }

  /// `ActiveOpens`: connections begun here.
  package var activeOpens: UInt64?
  /// `PassiveOpens`: connections begun by a peer.
  package var passiveOpens: UInt64?
  /// `AttemptFails`: connections that were never established.
  package var attemptFails: UInt64?
  /// `EstabResets`: established connections that ended with RST, those in CLOSE_WAIT included.
  package var establishedResets: UInt64?
  /// `OutRsts`: segments sent with RST.
  package var resetsSent: UInt64?
  /// `RetransSegs`: segments sent again.
  package var segmentsRetransmitted: UInt64?
  /// `ListenOverflows`: connections refused because an accept queue was full.
  package var listenOverflows: UInt64?
  /// `ListenDrops`: connections that a listener refused for any reason, overflows included.
  package var listenDrops: UInt64?
  /// `SyncookiesSent`: SYN cookies sent because a queue of connection requests was full.
  package var syncookiesSent: UInt64?
  /// `TCPReqQFullDrop`: connection requests dropped because their queue was full.
  package var requestQueueFullDrops: UInt64?
  /// `TCPTimeWaitOverflow`: TIME_WAIT sockets ended early because there were too many.
  package var timeWaitOverflows: UInt64?
  /// `TCPMemoryPressures`: how often TCP began to run short of memory.
  package var memoryPressures: UInt64?
  /// `TCPAbortOnData` and its kin, by `AbortReason`.
  package var aborts: [UInt64?] = Array(repeating: nil, count: AbortReason.allCases.count)

  package init() {}
}
