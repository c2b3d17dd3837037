/// An internet address, as it stands in a packet.
package struct IPAddress: Sendable, Hashable {
  package var family: AddressFamily
  /// The bytes of the address in their order, from the most significant bit on. Of an IPv4 address
  /// the first 32 bits of `high`, the rest 0.
  package var high: UInt64
  package var low: UInt64

  package init(family: AddressFamily, high: UInt64, low: UInt64) {
    self.family = family
    self.high = high
    self.low = low
  }

  /// - Parameter value: `127.0.0.1` is 0x7f000001.
  package init(ipv4 value: UInt32) {
    self.init(family: .ipv4, high: UInt64(value) << 32, low: 0)
  }

  /// The IPv4 address that an IPv6 one stands for (`::ffff:127.0.0.1`), any other as it is.
  package var unmapped: IPAddress {
    family == .ipv6 && high == 0 && low >> 32 == 0xffff
      ? IPAddress(ipv4: UInt32(truncatingIfNeeded: low)) : self
  }

  /// `127.0.0.1`, or for IPv6 the text of RFC 5952 without brackets: `::1`, `::ffff:127.0.0.1`.
  package var text: String {
    switch family {
    case .ipv4: Self.dotted(UInt32(high >> 32))
    case .ipv6:
      high == 0 && low >> 32 == 0xffff
        ? "::ffff:" + Self.dotted(UInt32(truncatingIfNeeded: low)) : colonText
    }
  }

  /// The text with a port behind it: `127.0.0.1:80`, `[::1]:80`.
  package func text(port: UInt16) -> String {
    switch family {
    case .ipv4: "\(text):\(port)"
    case .ipv6: "[\(text)]:\(port)"
    }
  }

  private static func dotted(_ value: UInt32) -> String {
    "\(value >> 24).\(value >> 16 & 255).\(value >> 8 & 255).\(value & 255)"
  }

  private var colonText: String {
    let groups = (0..<8).map { index in
      UInt16(truncatingIfNeeded: (index < 4 ? high : low) >> UInt64(48 - 16 * (index & 3)))
    }
    // The longest run of zeros, the first of equals, becomes a double colon; a single one does not.
    var longest = 0..<0
    var start = 0
    for index in 0...8 where index == 8 || groups[index] != 0 {
      if index - start > max(longest.count, 1) { longest = start..<index }
      start = index + 1
    }
    func joined(_ part: ArraySlice<UInt16>) -> String {
      part.map { String($0, radix: 16) }.joined(separator: ":")
    }
    if longest.isEmpty { return joined(groups[...]) }
    return joined(groups[..<longest.lowerBound]) + "::" + joined(groups[longest.upperBound...])
  }
}
