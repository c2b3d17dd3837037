internal import CSockDiag

/// The answer to a `DumpRequest`, datagram by datagram (netlink(7)).
package enum DumpReply {
  /// How far a dump has come.
  package enum Progress: Equatable {
    case more, complete
  }

  /// Calls `row` with the place of each socket in one datagram, in the kernel's order. Messages that
  /// answer another request are passed over.
  /// - Throws: `NetlinkError` for a refusal, an interruption, an overrun or malformed bytes, and what
  ///   `row` throws. What it was called with until then is not the whole answer.
  @inline(__always)
  package static func read(
    _ datagram: Span<UInt8>, sequence: UInt32,
    row: (_ datagram: Span<UInt8>, _ payload: Range<Int>) throws(NetlinkError) -> Void
  ) throws(NetlinkError) -> Progress {
    var offset = 0
    while offset < datagram.count {
      let message = try NetlinkMessage(in: datagram, at: &offset)
      guard message.sequence == sequence else { continue }
      if message.isInterrupted { throw .interrupted }
      switch Int32(message.type) {
      // The kernel gives its answers the type of the request.
      case Int32(SOCK_DIAG_BY_FAMILY), TCPDIAG_GETSOCK:
        try row(datagram, message.payload)
      case NLMSG_DONE:
        // The kernel reports an error that it met in mid-dump as the payload of the end.
        if !message.payload.isEmpty {
          try check(datagram.load(Int32.self, from: message.payload))
        }
        return .complete
      case NLMSG_ERROR:
        // Zero is an acknowledgement, and none was asked for.
        try check(datagram.load(Int32.self, from: message.payload))
      case NLMSG_OVERRUN:
        throw .overrun
      default:
        continue
      }
    }
    return .more
  }

  /// - Parameter code: the negative of an error number, or zero.
  private static func check(_ code: Int32) throws(NetlinkError) {
    if code < 0 { throw .refused(code: -max(code, -Int32.max)) }
  }
}
