import Testing

@testable import SockDiag

/// `tcp_info` behind a socket, written by hand after `linux/netlink.h` and `linux/tcp.h`.
struct AttributeTests {
  private let socket = Message.ipv4(state: 8)
  private let cookie: UInt64 = 0x55_4433_2211

  /// INET_DIAG_INFO: `tcpi_last_ack_recv` is 1000 ms and stands 56 bytes in.
  private let info: [UInt8] =
    [
      64, 0,  // nla_len
      2, 0,  // nla_type: INET_DIAG_INFO
      8,  // tcpi_state: CLOSE_WAIT
    ] + [UInt8](repeating: 0xee, count: 55) + [
      0xe8, 0x03, 0, 0,  // tcpi_last_ack_recv
    ]

  /// INET_DIAG_SHUTDOWN, a byte and three of padding.
  private let shutdown: [UInt8] = [5, 0, 8, 0, 1, 0, 0, 0]

  private func age(_ attributes: [UInt8]) throws(NetlinkError) -> DumpRow.Age? {
    let message = socket + attributes
    return try DumpRow.age(in: message.span, at: 16..<message.count)
  }

  @Test func anAge() throws {
    let age = DumpRow.Age(cookie: cookie, sinceLastAckMilliseconds: 1000)
    #expect(try self.age(info) == age)
    #expect(try self.age(shutdown + info) == age)
    #expect(try self.age(info + shutdown) == age)
    // Newer kernels have more to tell.
    var longer = info + [UInt8](repeating: 0xff, count: 180)
    longer[0] = 244
    #expect(try self.age(longer) == age)
  }

  @Test func noAge() throws {
    #expect(try age([]) == nil)
    #expect(try age(shutdown) == nil)
    // Padding that is left out.
    #expect(try age(Array(shutdown.prefix(5))) == nil)
    // A `tcp_info` that ends before the field, or within it.
    for length in 4..<64 {
      var short = Array(info.prefix(length))
      short[0] = UInt8(length)
      #expect(try age(short) == nil)
    }
  }

  @Test(arguments: [0, 1, 2, 3, 65, 255] as [UInt8])
  func lengthsThatCannotBe(length: UInt8) {
    var wrong = info
    wrong[0] = length
    #expect(throws: NetlinkError.malformed(offset: 88)) { try age(wrong) }
    #expect(throws: NetlinkError.malformed(offset: 96)) { try age(shutdown + wrong) }
  }

  @Test func attributesCutAnywhere() throws {
    let attributes = shutdown + info
    for count in 1..<attributes.count where !(5...8).contains(count) {
      #expect(throws: NetlinkError.malformed(offset: count < 8 ? 88 : 96)) {
        try age(Array(attributes.prefix(count)))
      }
    }
  }
}
