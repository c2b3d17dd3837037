internal import Foundation
internal import Glibc

/// A directory that every user may enter. It is removed when nobody refers to it.
package final class TemporaryDirectory: Sendable {
  package let path: String

  package init() throws {
    var template = Array((NSTemporaryDirectory() + "/socket-exporter-XXXXXX").utf8CString)
    // As the kernel calls it, which knows neither links nor double slashes.
    guard let path = mkdtemp(&template), chmod(path, 0o755) == 0,
      let resolved = realpath(path, nil)
    else {
      throw TestFailure("mkdtemp: \(String(cString: strerror(errno)))")
    }
    defer { free(resolved) }
    self.path = String(cString: resolved)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  /// Makes a FIFO, and the directories above it, that every user may read and write.
  package func makeFIFO(_ name: String) throws -> FIFO {
    let file = URL(filePath: path).appending(path: name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    guard mkfifo(file.path(), 0o666) == 0, chmod(file.path(), 0o666) == 0 else {
      throw TestFailure("mkfifo: \(String(cString: strerror(errno)))")
    }
    return FIFO(path: file.path())
  }
}

/// A named pipe.
package struct FIFO: Sendable {
  package let path: String

  /// Waits until somebody reads and opens the other end. What is not written, the reader waits for.
  package func openForWriting() throws -> PipeEnd {
    try eventually("\(path) is read") { try? PipeEnd(opening: path, O_WRONLY | O_NONBLOCK) }
  }
}

extension PipeEnd {
  convenience init(opening path: String, _ flags: Int32) throws {
    let number = open(path, flags | O_CLOEXEC)
    guard number >= 0 else {
      throw TestFailure("open \(path): \(String(cString: strerror(errno)))")
    }
    self.init(number)
  }
}
