internal import CSockDiag

/// One message of a netlink datagram (netlink(7)), as far as its header tells.
package struct NetlinkMessage: Equatable {
  /// `nlmsg_type`.
  package let type: UInt16
  /// `nlmsg_flags`.
  package let flags: UInt16
  /// `nlmsg_seq`: the request it answers.
  package let sequence: UInt32
  /// Where the payload lies in the datagram.
  package let payload: Range<Int>

  package static let headerBytes = 16

  /// The kernel marks a dump during which its tables changed.
  package var isInterrupted: Bool { flags & UInt16(NLM_F_DUMP_INTR) != 0 }

  /// Reads the message that begins at `offset` and moves `offset` to the next one.
  /// - Throws: `NetlinkError.malformed` where the header or the length does not fit.
  @inline(__always)
  package init(in datagram: Span<UInt8>, at offset: inout Int) throws(NetlinkError) {
    let header = try datagram.load(nlmsghdr.self, from: offset..<datagram.count)
    guard header.nlmsg_len >= Self.headerBytes, header.nlmsg_len <= datagram.count - offset else {
      throw .malformed(offset: offset)
    }
    let length = Int(header.nlmsg_len)
    type = header.nlmsg_type
    flags = header.nlmsg_flags
    sequence = header.nlmsg_seq
    payload = (offset + Self.headerBytes)..<(offset + length)
    // Messages begin at multiples of four; the last one of a datagram may lack its padding.
    offset = min(offset + (length + 3) & ~3, datagram.count)
  }
}

extension Span where Element == UInt8 {
  /// Loads a kernel structure or an integer, in the byte order of the host, from the beginning of
  /// `range`. The one place where this module reads memory without a check per byte.
  /// - Throws: `NetlinkError.malformed` where `range` is too short.
  @inline(__always)
  func load<Value: BitwiseCopyable>(
    _ type: Value.Type, from range: Range<Int>
  ) throws(NetlinkError) -> Value {
    guard range.count >= MemoryLayout<Value>.size else {
      throw .malformed(offset: range.lowerBound)
    }
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    return unsafe bytes.unsafeLoadUnaligned(fromByteOffset: range.lowerBound, as: type)
  }
}
