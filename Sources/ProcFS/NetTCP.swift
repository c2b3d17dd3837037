package import LinuxIO
package import SocketModel

/// `/proc/net/tcp` and `/proc/net/tcp6` (proc_net(5); `net/ipv4/tcp_ipv4.c`, `net/ipv6/tcp_ipv6.c`):
/// one line a socket, for kernels and containers that refuse netlink. The file is not a snapshot:
/// while sockets come and go a line can repeat or be missing.
package enum NetTCP {
  /// The socket that a line tells of; nil for the heading in line 1.
  ///
  /// What stands behind the inode is of no concern: a connection request and a socket in TIME_WAIT
  /// have less there, and both have no inode (0). `cookie` is 0, for the file has none.
  /// - Parameter family: whose table it is: an address of `net/tcp6` has four times the digits.
  /// - Throws: `ParseError` where the line is malformed. A state or timer of a number that is not
  ///   known is not: the number is handed through.
  package static func parse(
    _ line: Span<UInt8>, number: Int, file: String, family: AddressFamily
  ) throws(ParseError) -> InternetSocket? {
    // "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 643 1 ..."
    var position = 0
    line.skipSpaces(at: &position)
    if number == 1, line.skip("sl", at: &position) { return nil }
    func malformed(_ field: String) -> ParseError {
      ParseError(file: file, line: number, field: field)
    }
    guard line.decimal(at: &position) != nil, line.skip(":", at: &position) else {
      throw malformed("sl")
    }
    guard let local = Endpoint(line, at: &position, family: family) else {
      throw malformed("local_address")
    }
    guard let remote = Endpoint(line, at: &position, family: family) else {
      throw malformed("rem_address")
    }
    line.skipSpaces(at: &position)
    guard let number = line.hexadecimal(at: &position), line.isWordEnd(position),
      let state = UInt8(exactly: number)
    else {
      throw malformed("st")
    }
    line.skipSpaces(at: &position)
    guard let number = line.hexadecimal(at: &position), line.skip(":", at: &position),
      let sendQueue = UInt32(exactly: number)
    else {
      throw malformed("tx_queue")
    }
    guard let number = line.hexadecimal(at: &position), line.isWordEnd(position),
      let receiveQueue = UInt32(exactly: number)
    else {
      throw malformed("rx_queue")
    }
    line.skipSpaces(at: &position)
    guard let number = line.hexadecimal(at: &position), line.skip(":", at: &position),
      let timer = UInt8(exactly: number)
    else {
      throw malformed("tr")
    }
    guard line.skipWord(at: &position) else { throw malformed("tm->when") }
    guard line.skipWord(at: &position) else { throw malformed("retrnsmt") }
    guard line.skipWord(at: &position) else { throw malformed("uid") }
    guard line.skipWord(at: &position) else { throw malformed("timeout") }
    line.skipSpaces(at: &position)
    guard let number = line.decimal(at: &position), line.isWordEnd(position),
      let inode = UInt32(exactly: number)
    else {
      throw malformed("inode")
    }
    return InternetSocket(
      family: family, state: state, timer: timer, localPort: local.port, remotePort: remote.port,
      local: local.address, remote: remote.address, receiveQueue: receiveQueue,
      sendQueue: sendQueue, inode: inode, cookie: 0)
  }

  /// An address and a port, `0100007F:1F90`.
  private struct Endpoint {
    var address: IPAddress
    var port: UInt16

    @inline(__always)
    init?(_ line: Span<UInt8>, at position: inout Int, family: AddressFamily) {
      line.skipSpaces(at: &position)
      switch family {
      case .ipv4:
        guard let value = line.addressWord(at: &position) else { return nil }
        address = IPAddress(ipv4: value)
      case .ipv6:
        guard let first = line.addressWord(at: &position),
          let second = line.addressWord(at: &position),
          let third = line.addressWord(at: &position),
          let fourth = line.addressWord(at: &position)
        else {
          return nil
        }
        address = IPAddress(
          family: .ipv6, high: UInt64(first) << 32 | UInt64(second),
          low: UInt64(third) << 32 | UInt64(fourth))
      }
      guard line.skip(":", at: &position), let number = line.hexadecimal(at: &position),
        line.isWordEnd(position), let port = UInt16(exactly: number)
      else {
        return nil
      }
      self.port = port
    }
  }
}

extension Span where Element == UInt8 {
  /// Reads eight hexadecimal digits as 32 bits of an address, most significant first; nil where there
  /// are fewer.
  ///
  /// The kernel prints an address, which lies in memory as in a packet, as if it were numbers of its
  /// own byte order: 127.0.0.1 is 0100007F where that is little-endian, 7F000001 where it is big.
  @inline(__always)
  fileprivate func addressWord(at position: inout Int) -> UInt32? {
    guard count - position >= 8 else { return nil }
    var end = 0
    guard let value = extracting(position..<position + 8).hexadecimal(at: &end), end == 8 else {
      return nil
    }
    position += 8
    return UInt32(bigEndian: UInt32(truncatingIfNeeded: value))
  }
}
