internal import LinuxIO

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
