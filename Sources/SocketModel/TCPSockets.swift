/// The TCP sockets of one network namespace.
package struct TCPSockets: Sendable, Equatable {
  /// Bytes in the queues of connections. Listeners have none: theirs count connections.
  package struct QueueBytes: Sendable, Equatable {
    package var receive: UInt64 = 0
    package var send: UInt64 = 0
    package init() {}
  }

  package var counts = TCPSocketCounts()
  /// By `AddressFamily`.
  package var queueBytes = [QueueBytes](
    repeating: QueueBytes(), count: AddressFamily.allCases.count)
  /// Sockets whose pending timer is the retransmission of unacknowledged data (or of a SYN).
  package var retransmitting: UInt64 = 0
  /// Sockets whose pending timer is a keepalive probe.
  package var keepingAlive: UInt64 = 0
  /// Sockets that probe a peer whose window is zero.
  package var probing: UInt64 = 0
  package var events = TCPEvents()

  package init() {}
}
