import SocketModel
import Testing

/// The text of RFC 5952, beside what inet_ntop(3) writes.
struct IPAddressTests {
  @Test(
    arguments: [
      (0x0000_0000, "0.0.0.0"), (0x7f00_0001, "127.0.0.1"), (0xffff_ffff, "255.255.255.255"),
      (0x0a01_0203, "10.1.2.3"),
    ] as [(UInt32, String)])
  func writesIPv4(value: UInt32, text: String) {
    #expect(IPAddress(ipv4: value).text == text)
    #expect(IPAddress(ipv4: value).text(port: 80) == text + ":80")
  }

  @Test(
    arguments: [
      (0, 0, "::"),
      (0, 1, "::1"),
      (0x2001_0db8_0000_0000, 0, "2001:db8::"),
      (0x2001_0db8_0000_0000, 1, "2001:db8::1"),
      // No leading zeros; lower case.
      (0x2001_0db8_0001_0203, 0x0405_0607_0809_ABCD, "2001:db8:1:203:405:607:809:abcd"),
      // A single group of zeros stays (section 4.2.2).
      (0x2001_0db8_0000_0001, 0x0001_0001_0001_0001, "2001:db8:0:1:1:1:1:1"),
      (0x0000_0001_0002_0003, 0x0004_0005_0006_0007, "0:1:2:3:4:5:6:7"),
      (0x0001_0002_0003_0004, 0x0005_0006_0007_0000, "1:2:3:4:5:6:7:0"),
      // The longest run is shortened, of equals the first (section 4.2.3).
      (0x2001_0000_0000_0001, 0x0000_0000_0000_0001, "2001:0:0:1::1"),
      (0x2001_0000_0000_0000, 0x0001_0000_0000_0001, "2001::1:0:0:1"),
      (0x2001_0db8_0000_0000, 0x0001_0000_0000_0001, "2001:db8::1:0:0:1"),
      (0x0000_0000_0001_0000, 0x0000_0001_0000_0000, "::1:0:0:1:0:0"),
      (0xfe80_0000_0000_0000, 0x0000_0000_0000_0000, "fe80::"),
      // Of the addresses with IPv4 in them only those that sockets have (section 5).
      (0, 0x0000_ffff_7f00_0001, "::ffff:127.0.0.1"),
      (0, 0x0000_ffff_0000_0000, "::ffff:0.0.0.0"),
      (0, 0x0001_ffff_7f00_0001, "::1:ffff:7f00:1"),
      (0x0064_ff9b_0000_0000, 0x0000_0000_c000_0201, "64:ff9b::c000:201"),
    ] as [(UInt64, UInt64, String)])
  func writesIPv6(high: UInt64, low: UInt64, text: String) {
    let address = IPAddress(family: .ipv6, high: high, low: low)
    #expect(address.text == text)
    #expect(address.text(port: 8443) == "[\(text)]:8443")
  }
}
