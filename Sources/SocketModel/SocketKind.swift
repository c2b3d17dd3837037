/// What a descriptor's socket is.
package enum SocketKind: Int, CaseIterable, Sendable {
  /// Multipath TCP counts as TCP: its subflows stand in the kernel's TCP tables under its inode.
  case tcp, udp, unix, netlink, packet, raw
  /// An internet or netlink socket that is in no table of the kernel: never bound, connected or
  /// listening, or its connection was reset and its process has not noticed. lsof(8) says "can't
  /// identify protocol".
  case unbound
  /// Of another protocol family, or of a network namespace that is not read.
  case other

  /// The value of the `kind` label.
  package var label: StaticString {
    switch self {
    case .tcp: "tcp"
    case .udp: "udp"
    case .unix: "unix"
    case .netlink: "netlink"
    case .packet: "packet"
    case .raw: "raw"
    case .unbound: "unbound"
    case .other: "other"
    }
  }
}

/// Sockets, or descriptors of sockets, counted by kind.
package struct SocketKindCounts: Sendable, Equatable {
  private var counts = InlineArray<8, UInt64>(repeating: 0)

  package init() {}

  package subscript(kind: SocketKind) -> UInt64 {
    get { counts[kind.rawValue] }
    set { counts[kind.rawValue] = newValue }
  }

  package var sum: UInt64 {
    var sum: UInt64 = 0
    for index in counts.indices { sum += counts[index] }
    return sum
  }

  package static func += (left: inout Self, right: Self) {
    for index in left.counts.indices { left.counts[index] += right.counts[index] }
  }

  package static func == (left: Self, right: Self) -> Bool {
    left.counts.indices.allSatisfy { left.counts[$0] == right.counts[$0] }
  }
}
