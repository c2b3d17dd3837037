package import LinuxIO
package import SocketModel

/// `/proc/net/tcp` and `/proc/net/tcp6` (proc_net(5); `net/ipv4/tcp_ipv4.c`): one line a socket, for
/// kernels and containers that refuse netlink. The file is not a snapshot: while sockets come and go
/// a line can repeat or be missing.
package enum NetTCP {
  /// The state of the socket that a line tells of; nil for the heading in line 1.
  /// - Throws: `ParseError` where the line is malformed or the state is none of TCP's.
  package static func parseState(
    _ line: Span<UInt8>, number: Int, file: String
  ) throws(ParseError) -> TCPState? {
    // "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 ..."
    var position = 0
    line.skipSpaces(at: &position)
    if number == 1, line.skip("sl", at: &position) { return nil }
    guard line.decimal(at: &position) != nil, line.skip(":", at: &position) else {
      throw ParseError(file: file, line: number, field: "sl")
    }
    guard line.skipWord(at: &position) else {
      throw ParseError(file: file, line: number, field: "local_address")
    }
    guard line.skipWord(at: &position) else {
      throw ParseError(file: file, line: number, field: "rem_address")
    }
    line.skipSpaces(at: &position)
    guard let value = line.hexadecimal(at: &position), line.isWordEnd(position),
      let code = UInt8(exactly: value),
      let state = TCPState(kernelNumber: code)
    else {
      throw ParseError(file: file, line: number, field: "st")
    }
    return state
  }
}
