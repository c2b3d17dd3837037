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

  private static func open(
    _ path: String, relativeTo base: Int32, directory: Bool
  ) throws(SystemError) -> FileDescriptor {
    let flags = O_RDONLY | O_CLOEXEC | (directory ? O_DIRECTORY : 0)
    let number = retryingInterrupts { unsafe openat(base, path, flags) }
    guard number >= 0 else { throw .last("open", path) }
    return FileDescriptor(adopting: number)
  }
}
