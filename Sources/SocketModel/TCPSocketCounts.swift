/// TCP sockets of one network namespace, counted by state and address family.
package struct TCPSocketCounts: Sendable, Equatable {
  /// One place for every kernel state number of every family.
  private var counts = InlineArray<32, UInt64>(repeating: 0)

  package init() {}

  /// Sockets in a state. An IPv6 socket that talks to an IPv4 peer is an IPv6 socket.
  package subscript(state: TCPState, family: AddressFamily) -> UInt64 {
    get { counts[family.rawValue << 4 | Int(state.rawValue)] }
    set { counts[family.rawValue << 4 | Int(state.rawValue)] = newValue }
  }

  package static func == (left: Self, right: Self) -> Bool {
    left.counts.indices.allSatisfy { left.counts[$0] == right.counts[$0] }
  }
}
