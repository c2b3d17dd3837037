package import LinuxIO

/// What the exporter takes from `/proc/<pid>/statm` (proc_pid_statm(5)), in pages.
package struct MemoryPages: Sendable, Equatable {
  /// The whole address space.
  package var size: UInt64
  /// What of it is in memory.
  package var resident: UInt64

  /// - Throws: `ParseError` where one of the two numbers is missing or malformed.
  package init(parsing bytes: Span<UInt8>) throws(ParseError) {
    var position = 0
    guard let size = bytes.decimal(at: &position), bytes.isWordEnd(position) else {
      throw ParseError(file: "statm", line: 1, field: "size")
    }
    bytes.skipSpaces(at: &position)
    guard let resident = bytes.decimal(at: &position), bytes.isWordEnd(position) else {
      throw ParseError(file: "statm", line: 1, field: "resident")
    }
    self.size = size
    self.resident = resident
  }
}
