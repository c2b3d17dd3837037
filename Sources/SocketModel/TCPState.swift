/// The states of a TCP socket, numbered as in the kernel's `include/net/tcp_states.h`.
package enum TCPState: UInt8, CaseIterable, Sendable {
  case established = 1
  case synSent
  case synReceived
  case finWait1
  case finWait2
  case timeWait
  case close
  case closeWait
  case lastAck
  case listen
  case closing

  /// Reads the kernel's number. A connection request not yet accepted (NEW_SYN_RECV, 12) counts as
  /// SYN_RECV, as `ss` shows it. Nil for numbers that are no state of a connection.
  package init?(kernelNumber: UInt8) {
    self.init(rawValue: kernelNumber == 12 ? TCPState.synReceived.rawValue : kernelNumber)
  }

  /// The value of the `state` label.
  package var label: StaticString {
    switch self {
    case .established: "established"
    case .synSent: "syn_sent"
    case .synReceived: "syn_recv"
    case .finWait1: "fin_wait1"
    case .finWait2: "fin_wait2"
    case .timeWait: "time_wait"
    case .close: "close"
    case .closeWait: "close_wait"
    case .lastAck: "last_ack"
    case .listen: "listen"
    case .closing: "closing"
    }
  }
}
