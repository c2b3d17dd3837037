internal import CSockDiag
package import SocketModel

/// The structure by which the kernel tells of one socket: `inet_diag_msg` and so on, each in its
/// header below `linux/`. Attributes may follow it.
package enum DumpRow {
  case inet, unix, netlink, packet

  /// The inode of the socket; 0 where no process holds it.
  /// - Throws: `NetlinkError.malformed` where the structure is cut short.
  @inline(__always)
  package func inode(
    in datagram: Span<UInt8>, at payload: Range<Int>
  ) throws(NetlinkError) -> UInt32 {
    switch self {
    case .inet: try datagram.load(inet_diag_msg.self, from: payload).idiag_inode
    case .unix: try datagram.load(unix_diag_msg.self, from: payload).udiag_ino
    case .netlink: try datagram.load(netlink_diag_msg.self, from: payload).ndiag_ino
    case .packet: try datagram.load(packet_diag_msg.self, from: payload).pdiag_ino
    }
  }

  /// The socket that an `inet_diag_msg` tells of; nil where it is of another family.
  /// - Throws: `NetlinkError.malformed` where the structure is cut short.
  @inline(__always)
  package static func internetSocket(
    in datagram: Span<UInt8>, at payload: Range<Int>
  ) throws(NetlinkError) -> InternetSocket? {
    let message = try datagram.load(inet_diag_msg.self, from: payload)
    guard let family = AddressFamily(number: message.idiag_family) else { return nil }
    return InternetSocket(
      family: family,
      state: message.idiag_state,
      timer: message.idiag_timer,
      localPort: UInt16(bigEndian: message.id.idiag_sport),
      remotePort: UInt16(bigEndian: message.id.idiag_dport),
      local: IPAddress(family, message.id.idiag_src),
      remote: IPAddress(family, message.id.idiag_dst),
      receiveQueue: message.idiag_rqueue,
      sendQueue: message.idiag_wqueue,
      inode: message.idiag_inode,
      cookie: message.cookie)
  }

  /// When a TCP socket last received an acknowledgement, and thus anything.
  package struct Age: Equatable {
    package var cookie: UInt64
    package var sinceLastAckMilliseconds: UInt32
  }

  /// The cookie of a TCP socket and `tcpi_last_ack_recv` out of the `tcp_info` behind an
  /// `inet_diag_msg`; nil where there is none or it is too short to have that field.
  /// - Throws: `NetlinkError.malformed` where the structure or an attribute is cut short.
  package static func age(
    in datagram: Span<UInt8>, at payload: Range<Int>
  ) throws(NetlinkError) -> Age? {
    let message = try datagram.load(inet_diag_msg.self, from: payload)
    var attributes = payload.dropFirst(MemoryLayout<inet_diag_msg>.size)
    while !attributes.isEmpty {
      let attribute = try datagram.load(nlattr.self, from: attributes)
      let length = Int(attribute.nla_len)
      guard length >= MemoryLayout<nlattr>.size, length <= attributes.count else {
        throw .malformed(offset: attributes.lowerBound)
      }
      if attribute.nla_type == INET_DIAG_INFO {
        let field = attributes.prefix(length).dropFirst(
          MemoryLayout<nlattr>.size + Int(SOCK_DIAG_TCP_INFO_LAST_ACK_RECV))
        guard field.count >= MemoryLayout<UInt32>.size else { return nil }
        return Age(
          cookie: message.cookie,
          sinceLastAckMilliseconds: try datagram.load(UInt32.self, from: field))
      }
      // Attributes begin at multiples of four; the last one may lack its padding.
      attributes = attributes.dropFirst((length + 3) & ~3)
    }
    return nil
  }
}

extension inet_diag_msg {
  /// The kernel sends the lower half first, whatever the byte order.
  @inline(__always)
  fileprivate var cookie: UInt64 {
    UInt64(id.idiag_cookie.1) << 32 | UInt64(id.idiag_cookie.0)
  }
}

extension IPAddress {
  /// - Parameter words: in network byte order, of an IPv4 address the first.
  @inline(__always)
  fileprivate init(_ family: AddressFamily, _ words: (UInt32, UInt32, UInt32, UInt32)) {
    func pair(_ first: UInt32, _ second: UInt32) -> UInt64 {
      UInt64(UInt32(bigEndian: first)) << 32 | UInt64(UInt32(bigEndian: second))
    }
    switch family {
    case .ipv4: self.init(ipv4: UInt32(bigEndian: words.0))
    case .ipv6:
      self.init(family: family, high: pair(words.0, words.1), low: pair(words.2, words.3))
    }
  }
}
