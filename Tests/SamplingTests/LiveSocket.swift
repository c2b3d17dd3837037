import Glibc
import TestSupport

/// A socket of the test process.
final class LiveSocket {
  let descriptor: Int32
  let inode: UInt32

  init(_ family: Int32, _ type: __socket_type = SOCK_STREAM, protocol number: Int32 = 0) throws {
    descriptor = socket(family, Int32(type.rawValue), number)
    guard descriptor >= 0 else {
      throw TestFailure("socket: \(String(cString: strerror(errno)))")
    }
    var status = stat()
    fstat(descriptor, &status)
    inode = UInt32(status.st_ino)
  }

  /// Closes it now, once.
  func close() {
    if !isClosed { _ = Glibc.close(descriptor) }
    isClosed = true
  }

  private var isClosed = false

  deinit { close() }
}
