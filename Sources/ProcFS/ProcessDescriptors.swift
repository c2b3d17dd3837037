internal import Glibc
package import LinuxIO

/// Descriptors of one process, counted.
package struct DescriptorCounts: Sendable, Equatable {
  /// All open descriptors.
  package var all: UInt64 = 0
  /// Those that are sockets.
  package var sockets: UInt64 = 0

  package init() {}
}

/// Counts what `/proc/<pid>/fd` lists (proc_pid_fd(5)).
///
/// It asks for the link of each descriptor and not for its status: stat(2) through the link would ask
/// the file's own filesystem, and one descriptor on a dead network mount would hang the exporter.
@safe package struct DescriptorReader: ~Copyable {
  private var entries = DirectoryReader()
  private let link: UnsafeMutablePointer<CChar>

  /// `socket:[` and an inode number fit; of longer targets the beginning is enough.
  private static let linkCapacity = 32

  package init() {
    unsafe link = .allocate(capacity: Self.linkCapacity)
  }

  deinit {
    unsafe link.deallocate()
  }

  /// Counts the descriptors in an open `fd` directory. One that is closed meanwhile does not count.
  /// - Throws: `SystemError`: gone where the process ends meanwhile, denied where its directory may
  ///   be listed but its links may not be read.
  package mutating func count(
    in directory: borrowing FileDescriptor
  ) throws(SystemError) -> DescriptorCounts {
    var counts = DescriptorCounts()
    let number = directory.rawValue
    let link = unsafe link
    try unsafe entries.forEachNumericName(in: directory, name: "fd") {
      (name) throws(SystemError) in
      let length = unsafe readlinkat(number, name, link, Self.linkCapacity)
      guard length >= 0 else {
        let error = SystemError.last("readlink", "fd")
        if error.isGone { return }
        // A path that is longer than the kernel can tell is one of a file, and anybody may open one.
        guard error.isNameTooLong else { throw error }
        counts.all += 1
        return
      }
      counts.all += 1
      if unsafe isSocket(link, length: length) { counts.sockets += 1 }
    }
    return counts
  }
}

/// Whether a link is `socket:[...]`. The path of a file begins with a slash, so nothing else can be.
@inline(__always)
private func isSocket(_ link: UnsafePointer<CChar>, length: Int) -> Bool {
  unsafe length > 8 && memcmp(link, "socket:[", 8) == 0
}
