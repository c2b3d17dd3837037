import Glibc
import SockDiag
import SocketModel
import Testing

/// Messages written by hand after `linux/netlink.h` and `linux/inet_diag.h`, in the byte order of
/// x86-64 and arm64.
enum Message {
  /// `struct nlmsghdr`, 16 bytes. Sequence 1, process id 7.
  static func header(length: UInt8, type: UInt8, flags: (UInt8, UInt8) = (0x02, 0)) -> [UInt8] {
    [
      length, 0, 0, 0,  // nlmsg_len
      type, 0,  // nlmsg_type
      flags.0, flags.1,  // nlmsg_flags; 0x0002 is NLM_F_MULTI
      1, 0, 0, 0,  // nlmsg_seq
      7, 0, 0, 0,  // nlmsg_pid
    ]
  }

  /// The types of requests that tell sockets, and so of what they are answered with:
  /// SOCK_DIAG_BY_FAMILY, and TCPDIAG_GETSOCK, which tells both families.
  static let types: [UInt8] = [20, 18]

  /// A TCP socket over IPv4: `struct inet_diag_msg`, 72 bytes, and no attribute.
  static func ipv4(
    state: UInt8, type: UInt8 = types[0], flags: (UInt8, UInt8) = (0x02, 0)
  ) -> [UInt8] {
    header(length: 88, type: type, flags: flags) + [
      2,  // idiag_family: AF_INET
      state,  // idiag_state
      0,  // idiag_timer
      0,  // idiag_retrans
      // struct inet_diag_sockid, 48 bytes
      0x1f, 0x90,  // idiag_sport: 8080, network byte order
      0xc3, 0x50,  // idiag_dport: 50000
      127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  // idiag_src
      192, 0, 2, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  // idiag_dst
      2, 0, 0, 0,  // idiag_if
      0x11, 0x22, 0x33, 0x44, 0x55, 0, 0, 0,  // idiag_cookie
      0, 0, 0, 0,  // idiag_expires
      5, 0, 0, 0,  // idiag_rqueue
      129, 0, 0, 0,  // idiag_wqueue
      0xe8, 0x03, 0, 0,  // idiag_uid: 1000
      0x39, 0x30, 0, 0,  // idiag_inode: 12345
    ]
  }

  /// A TCP socket over IPv6, with an attribute INET_DIAG_SHUTDOWN behind it.
  static func ipv6(state: UInt8, type: UInt8 = types[0]) -> [UInt8] {
    header(length: 96, type: type) + [
      10,  // idiag_family: AF_INET6
      state,  // idiag_state
      1,  // idiag_timer: retransmit
      3,  // idiag_retrans
      0x01, 0xbb,  // idiag_sport: 443
      0xab, 0xcd,  // idiag_dport: 43981
      0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,  // idiag_src: 2001:db8::1
      0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,  // idiag_dst: 2001:db8::2
      0, 0, 0, 0,  // idiag_if
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,  // idiag_cookie: INET_DIAG_NOCOOKIE
      0xc8, 0, 0, 0,  // idiag_expires: 200 ms
      0, 0, 0, 0,  // idiag_rqueue
      0x24, 0, 0, 0,  // idiag_wqueue: 36
      0, 0, 0, 0,  // idiag_uid
      0, 0, 0, 0,  // idiag_inode
      5, 0,  // nla_len
      8, 0,  // nla_type: INET_DIAG_SHUTDOWN
      1, 0, 0, 0,  // the value and three bytes of padding
    ]
  }

  /// The end of a dump: NLMSG_DONE with an int, 0 or a negative error number.
  static func done(_ code: Int32 = 0, flags: (UInt8, UInt8) = (0x02, 0)) -> [UInt8] {
    header(length: 20, type: 3 /* NLMSG_DONE */, flags: flags) + bytes(of: code)
  }

  /// The end of a dump as kernels before 4.15 could send it: without a payload.
  static let bareDone = header(length: 16, type: 3)

  /// NLMSG_ERROR with `struct nlmsgerr`: the code and the header of the request.
  static func error(_ code: Int32) -> [UInt8] {
    header(length: 36, type: 2 /* NLMSG_ERROR */, flags: (0, 0)) + bytes(of: code) + [
      72, 0, 0, 0,  // nlmsg_len of the request
      20, 0,  // SOCK_DIAG_BY_FAMILY
      0x01, 0x03,  // NLM_F_REQUEST | NLM_F_DUMP
      1, 0, 0, 0,  // nlmsg_seq
      0, 0, 0, 0,  // nlmsg_pid
    ]
  }

  static let noop = header(length: 16, type: 1 /* NLMSG_NOOP */, flags: (0, 0))
  static let overrun = header(length: 16, type: 4 /* NLMSG_OVERRUN */, flags: (0, 0))

  /// NLM_F_MULTI | NLM_F_DUMP_INTR.
  static let interrupted: (UInt8, UInt8) = (0x12, 0)

  private static func bytes(of code: Int32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: code >> ($0 * 8)) }
  }

  /// All kinds in one datagram that ends well.
  static func everyKind(_ type: UInt8) -> [UInt8] {
    ipv4(state: 10, type: type) + noop + ipv6(state: 1, type: type) + error(0)
      + ipv4(state: 8, type: type) + done()
  }
}

struct MessageTests {
  private func read(_ datagrams: [UInt8]...) throws(NetlinkError) -> Reading {
    var reading = Reading()
    for datagram in datagrams { try reading.read(datagram) }
    return reading
  }

  @Test func aSocketOverIPv4() throws {
    let sockets = try read(Message.ipv4(state: 8)).sockets
    #expect(
      sockets == [
        InternetSocket(
          family: .ipv4, state: 8, timer: 0, localPort: 8080, remotePort: 50000,
          local: IPAddress(ipv4: 0x7f00_0001), remote: IPAddress(ipv4: 0xc000_0207),
          receiveQueue: 5, sendQueue: 129, inode: 12345, cookie: 0x55_4433_2211)
      ])
    #expect(sockets[0].local.text(port: sockets[0].localPort) == "127.0.0.1:8080")
    #expect(sockets[0].remote.text(port: sockets[0].remotePort) == "192.0.2.7:50000")
  }

  @Test func aSocketOverIPv6() throws {
    let sockets = try read(Message.ipv6(state: 4)).sockets
    #expect(
      sockets == [
        InternetSocket(
          family: .ipv6, state: 4, timer: 1, localPort: 443, remotePort: 43981,
          local: IPAddress(family: .ipv6, high: 0x2001_0db8_0000_0000, low: 1),
          remote: IPAddress(family: .ipv6, high: 0x2001_0db8_0000_0000, low: 2),
          receiveQueue: 0, sendQueue: 36, inode: 0, cookie: .max)
      ])
    #expect(sockets[0].local.text(port: sockets[0].localPort) == "[2001:db8::1]:443")
  }

  /// The bytes behind an IPv4 address are no part of it, whatever they are.
  @Test func anIPv4AddressIsFourBytes() throws {
    var message = Message.ipv4(state: 1)
    for position in Array(28..<40) + Array(44..<56) { message[position] = 0xaa }
    #expect(try read(message) == read(Message.ipv4(state: 1)))
  }

  @Test(arguments: 0...255 as ClosedRange<UInt8>)
  func statesAndTimersAreHandedOnAsTheyAre(number: UInt8) throws {
    var message = Message.ipv4(state: number)
    message[18] = number  // idiag_timer
    let sockets = try read(message, Message.ipv6(state: number)).sockets
    #expect(sockets.map(\.state) == [number, number])
    #expect(sockets.map(\.timer) == [number, 1])
    #expect(sockets.map(\.family) == [.ipv4, .ipv6])
  }

  @Test func otherFamiliesArePassedOver() throws {
    for family: UInt8 in [0, 1, 3, 11, 255] {
      var message = Message.ipv4(state: 1)
      message[16] = family
      #expect(try read(message) == Reading())
    }
  }

  @Test(arguments: Message.types)
  func everyKindInOneDatagram(type: UInt8) throws {
    let reading = try read(Message.everyKind(type))
    #expect(reading.progress == .complete)
    #expect(reading.counts[.listen, .ipv4] == 1)
    #expect(reading.counts[.closeWait, .ipv4] == 1)
    #expect(reading.counts[.established, .ipv6] == 1)
    #expect(reading.sockets.count == 3)
  }

  @Test func theEnd() throws {
    #expect(try read(Message.done()).progress == .complete)
    #expect(try read(Message.bareDone).progress == .complete)
    // What follows it belongs to nothing.
    #expect(try read(Message.done() + Message.ipv4(state: 1)).sockets.isEmpty)
    #expect(try read(Message.done() + [1, 2, 3]).progress == .complete)
  }

  @Test(arguments: [EPERM, ENOENT, EINVAL, EOPNOTSUPP, ENOBUFS, EACCES, Int32.max])
  func refusals(code: Int32) {
    #expect(throws: NetlinkError.refused(code: code)) { try read(Message.error(-code)) }
    #expect(throws: NetlinkError.refused(code: code)) { try read(Message.done(-code)) }
    #expect(throws: NetlinkError.refused(code: code)) {
      try read(Message.ipv4(state: 1), Message.noop + Message.error(-code))
    }
  }

  @Test func theLeastErrorNumberThereCanBe() {
    // Its negative does not fit.
    #expect(throws: NetlinkError.self) { try read(Message.error(.min)) }
    #expect(throws: NetlinkError.self) { try read(Message.done(.min)) }
  }

  @Test func anAcknowledgementIsNoError() throws {
    #expect(try read(Message.error(0)) == Reading())
    #expect(try read(Message.error(0) + Message.ipv4(state: 1)).sockets.count == 1)
  }

  @Test func noopsAndUnknownTypesArePassedOver() throws {
    #expect(try read(Message.noop) == Reading())
    for type: UInt8 in [0, 5, 15, 16, 17, 19, 21, 255] {
      let message = Message.header(length: 24, type: type) + [1, 2, 3, 4, 5, 6, 7, 8]
      #expect(try read(message + Message.ipv4(state: 1)).sockets.count == 1)
    }
  }

  @Test func overruns() {
    #expect(throws: NetlinkError.overrun) { try read(Message.overrun) }
    #expect(throws: NetlinkError.overrun) { try read(Message.ipv4(state: 1) + Message.overrun) }
  }

  @Test func interruptions() throws {
    for type in Message.types {
      #expect(throws: NetlinkError.interrupted) {
        try read(Message.ipv4(state: 1, type: type, flags: Message.interrupted))
      }
    }
    let marked = Message.ipv4(state: 1, flags: Message.interrupted)
    #expect(throws: NetlinkError.interrupted) { try read(Message.ipv4(state: 1) + marked) }
    // The kernel may mark the end only.
    #expect(throws: NetlinkError.interrupted) {
      try read(Message.ipv4(state: 1), Message.done(flags: Message.interrupted))
    }
    // Another request's interruption is not ours.
    var other = marked
    other[8] = 2
    #expect(try read(other, Message.done()).progress == .complete)
  }

  @Test func anEmptyDatagramSaysNothing() throws {
    #expect(try read([]) == Reading())
  }

  @Test func lengthsThatCannotBe() {
    for length: UInt8 in [0, 1, 15] {
      #expect(throws: NetlinkError.malformed(offset: 88)) {
        try read(Message.ipv4(state: 1) + Message.header(length: length, type: 1))
      }
    }
    // One byte more than there is.
    #expect(throws: NetlinkError.malformed(offset: 0)) {
      try read(Message.header(length: 17, type: 1))
    }
    var huge = Message.noop
    huge.replaceSubrange(0..<4, with: [0xff, 0xff, 0xff, 0xff])
    #expect(throws: NetlinkError.malformed(offset: 0)) { try read(huge) }
    // Too short for what its type says it is.
    for type in Message.types {
      #expect(throws: NetlinkError.malformed(offset: 16)) {
        try read(Message.header(length: 18, type: type) + [2, 1])
      }
      #expect(throws: NetlinkError.malformed(offset: 16)) {
        try read(Message.header(length: 87, type: type) + Message.ipv4(state: 1)[16..<87])
      }
    }
    #expect(throws: NetlinkError.malformed(offset: 16)) {
      try read(Message.header(length: 19, type: 2) + [0, 0, 0])
    }
    #expect(throws: NetlinkError.malformed(offset: 16)) {
      try read(Message.header(length: 19, type: 3) + [0, 0, 0])
    }
  }

  @Test func paddingBetweenMessages() throws {
    // 17 bytes of message, three of padding, then a socket.
    let odd = Message.header(length: 17, type: 1) + [9, 0, 0, 0]
    #expect(try read(odd + Message.ipv4(state: 1)).sockets.count == 1)
    // The last message of a datagram may lack it.
    #expect(try read(Message.ipv4(state: 1) + odd.prefix(17)).sockets.count == 1)
  }

  @Test(arguments: Message.types)
  func everyKindCutAnywhere(type: UInt8) throws {
    let datagram = Message.everyKind(type)
    // The kinds that are sockets: the first, the third and the fifth message.
    let boundaries = boundaries(of: datagram)
    #expect(boundaries.count == 7 && boundaries[6] == datagram.count)
    for count in datagram.indices {
      var reading = Reading()
      let whole = boundaries.lastIndex { $0 <= count } ?? 0
      do throws(NetlinkError) {
        try reading.read(Array(datagram[..<count]))
        #expect(boundaries[whole] == count)
        #expect(reading.progress == .more)
      } catch {
        #expect(error == .malformed(offset: boundaries[whole]))
        #expect(boundaries[whole] < count)
      }
      #expect(reading.sockets.count == (whole + 1) / 2)
    }
  }

  @Test(arguments: Message.types)
  func headersOneByOne(type: UInt8) throws {
    let datagram = Message.everyKind(type)
    let boundaries = boundaries(of: datagram)
    var offset = 0
    var types: [UInt16] = []
    while offset < datagram.count {
      let start = offset
      let message = try NetlinkMessage(in: datagram.span, at: &offset)
      types.append(message.type)
      #expect(message.sequence == 1)
      #expect(!message.isInterrupted)
      #expect(message.payload.lowerBound == start + 16)
      #expect(message.payload.upperBound <= offset)
      #expect(boundaries.contains(offset))
    }
    #expect(types == [UInt16(type), 1, UInt16(type), 2, UInt16(type), 3])
  }
}
