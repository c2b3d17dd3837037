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
    guard datagram.count - offset >= Self.headerBytes else { throw .malformed(offset: offset) }
    let length = Int(datagram.native(UInt32.self, at: offset))
    guard length >= Self.headerBytes, length <= datagram.count - offset else {
      throw .malformed(offset: offset)
    }
    type = datagram.native(UInt16.self, at: offset + 4)
    flags = datagram.native(UInt16.self, at: offset + 6)
    sequence = datagram.native(UInt32.self, at: offset + 8)
    payload = (offset + Self.headerBytes)..<(offset + length)
    // Messages begin at multiples of four; the last one of a datagram may lack its padding.
    offset = min(offset + (length + 3) & ~3, datagram.count)
  }
}

extension Span where Element == UInt8 {
  /// Loads an integer in the byte order of the host. The one place where this module reads memory
  /// without a check per byte: the range is checked here.
  @inline(__always)
  func native<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type, at offset: Int)
    -> Value
  {
    precondition(offset >= 0 && offset <= count - MemoryLayout<Value>.size)
    return unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: type)
  }
}
