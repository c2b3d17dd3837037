package import LinuxIO

/// Single numbers below `/proc/sys` (proc_sys(5)).
package enum KernelSetting {
  /// The greatest process id there can be, plus one; how many processes and threads fit.
  package static let processLimit = "sys/kernel/pid_max"

  /// - Throws: `ParseError` where the file does not hold one number.
  package static func parse(_ bytes: Span<UInt8>, file: String) throws(ParseError) -> UInt64 {
    var position = 0
    bytes.skipSpaces(at: &position)
    guard let value = bytes.decimal(at: &position), bytes.isWordEnd(position) else {
      throw ParseError(file: file, line: 1, field: "value")
    }
    return value
  }
}

/// The running kernel's release, e.g. `6.1.0-18-amd64`, from `/proc/sys/kernel/osrelease`.
package enum KernelRelease {
  /// - Throws: `SystemError` where the file cannot be read.
  package static func read() throws -> String {
    var procfs = try ProcFileSystem()
    return try procfs.read("sys/kernel/osrelease") { bytes in
      let end = bytes.firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
      return bytes.extracting(0..<end).text
    }
  }
}
