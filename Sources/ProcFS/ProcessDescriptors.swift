internal import Glibc
package import LinuxIO

/// One entry of `/proc/<pid>/fd`.
package struct ProcessDescriptor: Sendable, Equatable {
  package var number: UInt32
  /// The socket's inode; nil where it is no socket.
  package var socketInode: UInt32?

  package init(number: UInt32, socketInode: UInt32?) {
    self.number = number
    self.socketInode = socketInode
  }
}

/// Reads what `/proc/<pid>/fd` lists (proc_pid_fd(5)).
///
/// It asks for the link of each descriptor and not for its status: stat(2) through the link would ask
/// the file's own filesystem, and one descriptor on a dead network mount would hang the exporter.
@safe package struct DescriptorReader: ~Copyable {
  private var entries = DirectoryReader()
  private let link: UnsafeMutablePointer<UInt8>

  /// `socket:[` and an inode number fit; of longer targets the beginning is enough.
  private static let linkCapacity = 32

  package init() {
    unsafe link = .allocate(capacity: Self.linkCapacity)
  }

  deinit {
    unsafe link.deallocate()
  }

  /// Calls `body` for each descriptor in an open `fd` directory. One that is closed meanwhile is
  /// left out.
  /// - Throws: `SystemError`: gone where the process ends meanwhile, denied where its directory may
  ///   be listed but its links may not be read. `body` may have been called by then.
  @inline(__always)
  package mutating func forEach(
    in directory: borrowing FileDescriptor, _ body: (ProcessDescriptor) -> Void
  ) throws(SystemError) {
    let base = directory.rawValue
    let start = unsafe link
    let link = unsafe UnsafeBufferPointer(start: start, count: Self.linkCapacity)
    try unsafe entries.forEachNumericName(in: directory, name: "fd") {
      (name) throws(SystemError) in
      let length = unsafe readlinkat(base, name, start, Self.linkCapacity)
      var socketInode: UInt32?
      if length < 0 {
        let error = SystemError.last("readlink", "fd")
        if error.isGone { return }
        // A path that is longer than the kernel can tell is one of a file, and anybody may open one.
        guard error.isNameTooLong else { throw error }
      } else {
        socketInode = unsafe SocketLink.parseInode(link.span.extracting(0..<length))
      }
      guard let number = unsafe descriptorNumber(name) else { return }
      body(ProcessDescriptor(number: number, socketInode: socketInode))
    }
  }
}

/// The text of a link to a socket: `socket:[4711]`.
package enum SocketLink {
  /// The inode; nil where the link leads to anything else. The path of a file begins with a slash, so
  /// nothing but a socket can be called like this.
  @inline(__always)
  package static func parseInode(_ text: Span<UInt8>) -> UInt32? {
    var position = 0
    guard text.skip("socket:[", at: &position), let inode = text.decimal(at: &position),
      text.skip("]", at: &position)
    else { return nil }
    // The kernel counts the inodes of sockets in 32 bits.
    return UInt32(truncatingIfNeeded: inode)
  }
}

@inline(__always)
private func descriptorNumber(_ name: UnsafePointer<CChar>) -> UInt32? {
  var number: UInt32 = 0
  var position = unsafe name
  while unsafe position.pointee != 0 {
    let digit = unsafe UInt8(bitPattern: position.pointee) &- UInt8(ascii: "0")
    guard digit < 10 else { return nil }
    number = number &* 10 &+ UInt32(digit)
    unsafe position += 1
  }
  return number
}
