package import LinuxIO

/// The local ports that the kernel chooses from where a program names none, of the reader's network
/// namespace, from `/proc/sys/net/ipv4/ip_local_port_range` (ip(7); ip-sysctl).
package enum PortRange {
  /// Below the mount point of proc.
  package static let file = "sys/net/ipv4/ip_local_port_range"

  /// - Throws: `ParseError` where there are not two ports, or the first is greater than the second.
  package static func parse(_ bytes: Span<UInt8>) throws(ParseError) -> ClosedRange<UInt16> {
    var position = 0
    bytes.skipSpaces(at: &position)
    guard let number = bytes.decimal(at: &position), bytes.isWordEnd(position),
      let first = UInt16(exactly: number)
    else {
      throw ParseError(file: file, line: 1, field: "first port")
    }
    bytes.skipSpaces(at: &position)
    guard let number = bytes.decimal(at: &position), bytes.isWordEnd(position),
      let last = UInt16(exactly: number), first <= last
    else {
      throw ParseError(file: file, line: 1, field: "last port")
    }
    return first...last
  }
}
