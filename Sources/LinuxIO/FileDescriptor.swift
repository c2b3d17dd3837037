internal import Glibc

/// An open file descriptor. Owning it means closing it: it is closed once, when its only owner goes.
package struct FileDescriptor: ~Copyable, Sendable {
  /// The number the kernel knows it by.
  package let rawValue: Int32

  /// Takes ownership of a descriptor that nobody else will close.
  package init(adopting rawValue: Int32) {
    self.rawValue = rawValue
  }

  deinit {
    _ = close(rawValue)
  }

  /// Gives up ownership: whoever takes the number must close it.
  package consuming func release() -> Int32 {
    let number = rawValue
    discard self
    return number
  }

  /// Opens a file or directory for reading, close-on-exec (open(2)).
  package static func open(
    _ path: String, directory: Bool = false
  ) throws(SystemError) -> FileDescriptor {
    try open(path, relativeTo: AT_FDCWD, directory: directory)
  }

  /// Opens a file or directory below this directory (openat(2)).
  package borrowing func open(
    below path: String, directory: Bool = false
  ) throws(SystemError) -> FileDescriptor {
    try Self.open(path, relativeTo: rawValue, directory: directory)
  }

  /// Opens a directory below this one as a place to open and look from: it cannot be listed, which
  /// makes it cheaper (O_PATH of open(2)).
  package borrowing func openPlace(below path: String) throws(SystemError) -> FileDescriptor {
    let (base, flags) = (rawValue, __O_PATH | O_DIRECTORY | O_CLOEXEC)
    let number = retryingInterrupts { unsafe openat(base, path, flags) }
    guard number >= 0 else { throw .last("open", path) }
    return FileDescriptor(adopting: number)
  }

  /// Which file is open (fstat(2)).
  package borrowing func identity() throws(SystemError) -> FileIdentity {
    var status = stat()
    guard unsafe fstat(rawValue, &status) == 0 else { throw .last("fstat") }
    return FileIdentity(status)
  }

  /// The size of a file or a directory below this one, without opening it (fstatat(2)).
  package borrowing func size(below path: String) throws(SystemError) -> Int64 {
    var status = stat()
    guard unsafe fstatat(rawValue, path, &status, 0) == 0 else { throw .last("stat", path) }
    return Int64(status.st_size)
  }

  /// Reads a symbolic link below this directory and lends its text (readlink(2)).
  /// - Throws: `SystemError`; ENAMETOOLONG also where the text does not fit a path.
  package borrowing func withLink<Value>(
    below path: String, _ body: (Span<UInt8>) -> Value
  ) throws(SystemError) -> Value {
    var room = InlineArray<4096, UInt8>(repeating: 0)
    let base = rawValue
    var storage = room.mutableSpan
    let length = unsafe storage.withUnsafeMutableBytes { (room) -> Int in
      guard let start = room.baseAddress else { return 0 }
      return unsafe readlinkat(base, path, start, room.count)
    }
    guard length >= 0 else { throw .last("readlink", path) }
    guard length < room.count else { throw SystemError("readlink", path, code: ENAMETOOLONG) }
    return body(room.span.extracting(0..<length))
  }

  private static func open(
    _ path: String, relativeTo base: Int32, directory: Bool
  ) throws(SystemError) -> FileDescriptor {
    let flags = O_RDONLY | O_CLOEXEC | (directory ? O_DIRECTORY : 0)
    let number = retryingInterrupts { unsafe openat(base, path, flags) }
    guard number >= 0 else { throw .last("open", path) }
    return FileDescriptor(adopting: number)
  }
}

/// Which file a path or a descriptor leads to.
package struct FileIdentity: Sendable, Equatable {
  /// The device, which tells one filesystem from another.
  package let device: UInt64
  package let inode: UInt64

  fileprivate init(_ status: stat) {
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
  }

  /// Looks at a path without opening what it leads to (stat(2)).
  package init(of path: String) throws(SystemError) {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { throw .last("stat", path) }
    self.init(status)
  }
}
