internal import CLinuxIO
internal import LinuxIO

/// What can still be learned of a descriptor after it was read.
extension ProcFileSystem {
  /// Whether a process still has this socket open under this number. A socket's inode is its own, so
  /// this also tells the process from another one that was given its id.
  package borrowing func isOpen(
    _ descriptor: UInt32, of pid: Int32, socketInode: UInt32
  ) -> Bool {
    let inode = try? withLink("\(pid)/fd/\(descriptor)") { SocketLink.parseInode($0) }
    return inode == .some(.some(socketInode))
  }

  /// The kernel's name of a socket's protocol, e.g. `TCPv6` or `AF_VSOCK` (xattr(7),
  /// `system.sockprotoname`; `net/socket.c`); nil where it does not tell. To be asked right after
  /// `isOpen`, for the descriptor is followed: where it leads to a file, the question goes to the
  /// file's own filesystem, and one on a dead network mount would hang the exporter.
  package borrowing func socketProtocolName(_ descriptor: UInt32, of pid: Int32) -> String? {
    var name = InlineArray<64, UInt8>(repeating: 0)
    var room = name.mutableSpan
    let length = unsafe room.withUnsafeMutableBytes {
      guard let start = $0.baseAddress else { return 0 }
      return unsafe linux_io_getxattr(
        "\(path)/\(pid)/fd/\(descriptor)", "system.sockprotoname", start, $0.count)
    }
    guard length > 0 else { return nil }
    let text = name.span.extracting(0..<length)
    return text.extracting(0..<(text.firstIndex(of: 0) ?? length)).text
  }
}
