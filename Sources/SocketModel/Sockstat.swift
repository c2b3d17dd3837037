/// What `/proc/net/sockstat` and `/proc/net/sockstat6` say.
///
/// Every value is nil where the kernel has no such line: a protocol compiled out, IPv6 switched off.
package struct Sockstat: Sendable, Equatable {
  /// The protocols that have an `inuse` value.
  package enum InternetProtocol: Int, CaseIterable, Sendable {
    case tcp, udp, udplite, raw, frag

    /// The value of the `protocol` label.
    package var label: StaticString {
      switch self {
      case .tcp: "tcp"
      case .udp: "udp"
      case .udplite: "udplite"
      case .raw: "raw"
      case .frag: "frag"
      }
    }
  }

  /// The values of one address family.
  package struct Family: Sendable, Equatable {
    /// Sockets (for `frag`: reassembly queues) in use in the network namespace, by
    /// `InternetProtocol`.
    package var inUse: [UInt64?] = Array(repeating: nil, count: InternetProtocol.allCases.count)
    /// Memory of the namespace's reassembly queues, bytes.
    package var fragmentMemoryBytes: UInt64?

    package init() {}
  }

  /// Sockets of every family in use in the network namespace.
  package var socketsUsed: UInt64?
  /// TCP sockets that no process holds; whole host.
  package var tcpOrphans: UInt64?
  /// TIME_WAIT sockets in the network namespace.
  package var tcpTimeWait: UInt64?
  /// TCP sockets allocated; whole host.
  package var tcpAllocated: UInt64?
  /// Buffer memory of TCP and of UDP, bytes (the kernel counts pages); whole host.
  package var tcpMemoryBytes: UInt64?
  package var udpMemoryBytes: UInt64?
  package var ipv4 = Family()
  package var ipv6 = Family()

  package init() {}

  /// The same without what is said of the whole host.
  package var withoutHost: Sockstat {
    var namespace = self
    namespace.tcpOrphans = nil
    namespace.tcpAllocated = nil
    namespace.tcpMemoryBytes = nil
    namespace.udpMemoryBytes = nil
    return namespace
  }
}
