package import LinuxIO

/// A mounted proc filesystem (proc(5)), the exporter's own or another one's mount point.
package struct ProcFileSystem: ~Copyable {
  /// Where it is mounted, as the user named it.
  package let path: String
  private let root: FileDescriptor
  private var buffer = ReadBuffer()

  /// - Throws: `SystemError` where the directory cannot be opened.
  package init(path: String = "/proc") throws(SystemError) {
    self.path = path
    root = try FileDescriptor.open(path, directory: true)
  }

  /// Reads a whole file and hands its bytes to a parser.
  /// - Parameter file: the path below the mount point, e.g. `net/sockstat`.
  /// - Throws: `SystemError` from the kernel, or what `parse` throws.
  package mutating func read<Value>(
    _ file: String, _ parse: (Span<UInt8>) throws -> Value
  ) throws -> Value {
    try buffer.withContents(of: root.open(below: file), name: file, parse)
  }

  /// Like `read`, but nil where the kernel has no such file.
  package mutating func readIfPresent<Value>(
    _ file: String, _ parse: (Span<UInt8>) throws -> Value
  ) throws -> Value? {
    do {
      return try read(file, parse)
    } catch let error as SystemError where error.isGone {
      return nil
    }
  }

  /// Reads a file line by line, however long it is.
  package mutating func forEachLine(
    of file: String, _ body: (_ line: Span<UInt8>, _ number: Int) throws -> Void
  ) throws {
    try buffer.forEachLine(of: root.open(below: file), name: file, body)
  }

  /// The ids of all processes there are at this moment, kernel threads and zombies included.
  /// - Throws: `NoProcesses` where there are none, not even the reader: another kind of directory.
  ///   `SystemError` where it cannot be listed.
  package borrowing func processIDs(using reader: inout DirectoryReader) throws -> [Int32] {
    // A directory keeps its place between reads, so each listing opens it anew.
    let directory = try root.open(below: ".", directory: true)
    let numbers = try reader.numbers(in: directory, name: path)
    guard !numbers.isEmpty else { throw NoProcesses(path: path) }
    return numbers
  }

  /// Opens a process's directory. What is then opened below it belongs to this very process: should
  /// it end and its number be given to another, the kernel answers ESRCH.
  package borrowing func openProcess(_ pid: Int32) throws(SystemError) -> FileDescriptor {
    try root.openPlace(below: String(pid))
  }

  /// Reads a symbolic link below the mount point and lends its text.
  package borrowing func withLink<Value>(
    _ file: String, _ body: (Span<UInt8>) -> Value
  ) throws(SystemError) -> Value {
    try root.withLink(below: file, body)
  }

  /// Reads a file below a directory that `openProcess` opened.
  package mutating func read<Value>(
    _ file: String, of process: borrowing FileDescriptor, _ parse: (Span<UInt8>) throws -> Value
  ) throws -> Value {
    try buffer.withContents(of: process.open(below: file), name: file, parse)
  }
}
