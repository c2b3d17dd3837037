/// TCP sockets of one network namespace, counted by state and address family.
package struct TCPSocketCounts: Sendable, Equatable {
  private var ipv4 = TCPStateCounts()
  private var ipv6 = TCPStateCounts()

  package init() {}

  /// Sockets in a state. An IPv6 socket that talks to an IPv4 peer is an IPv6 socket.
  package subscript(state: TCPState, family: AddressFamily) -> UInt64 {
    get { family == .ipv4 ? ipv4[state] : ipv6[state] }
    set { if family == .ipv4 { ipv4[state] = newValue } else { ipv6[state] = newValue } }
  }

  package static func += (left: inout Self, right: Self) {
    left.ipv4 += right.ipv4
    left.ipv6 += right.ipv6
  }
}

/// TCP sockets counted by state.
package struct TCPStateCounts: Sendable, Equatable {
  /// One place for every kernel state number.
  private var counts = InlineArray<16, UInt32>(repeating: 0)

  package init() {}

  package subscript(state: TCPState) -> UInt64 {
    get { UInt64(counts[Int(state.rawValue)]) }
    set { counts[Int(state.rawValue)] = UInt32(clamping: newValue) }
  }

  package var sum: UInt64 {
    var sum: UInt64 = 0
    for index in counts.indices { sum += UInt64(counts[index]) }
    return sum
  }

  package static func += (left: inout Self, right: Self) {
    for index in left.counts.indices { left.counts[index] += right.counts[index] }
  }

  package static func == (left: Self, right: Self) -> Bool {
    left.counts.indices.allSatisfy { left.counts[$0] == right.counts[$0] }
  }
}
