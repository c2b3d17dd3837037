/// The local ports that the kernel chooses from where a program names none: those of
/// `ip_local_port_range` without those of `ip_local_reserved_ports`. Both belong to a network
/// namespace and hold for IPv4 and IPv6.
package struct LocalPorts: Sendable, Equatable {
  /// A bit for each port, for a sample asks of every connection.
  private var bits: [UInt64]
  /// How many they are.
  package let available: UInt64

  package init(range: ClosedRange<UInt16>, reserved: [ClosedRange<UInt16>]) {
    var bits = [UInt64](repeating: 0, count: 1 << 10)
    for port in range { bits[Int(port >> 6)] |= 1 << UInt64(port & 63) }
    for ports in reserved {
      for port in ports { bits[Int(port >> 6)] &= ~(1 << UInt64(port & 63)) }
    }
    self.bits = bits
    available = UInt64(bits.reduce(0) { $0 + $1.nonzeroBitCount })
  }

  /// Whether the kernel would choose it.
  @inline(__always)
  package func contains(_ port: UInt16) -> Bool {
    bits[Int(port >> 6)] & 1 << UInt64(port & 63) != 0
  }
}
