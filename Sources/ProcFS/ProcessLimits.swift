package import LinuxIO

/// What the exporter takes from `/proc/<pid>/limits` (proc_pid_limits(5); `fs/proc/base.c`).
package enum ProcessLimits {
  /// How many descriptors the process may have open, its soft limit (`RLIMIT_NOFILE`, getrlimit(2));
  /// nil where it is unlimited.
  /// - Throws: `ParseError` where there is no such line or it holds no number.
  package static func parseOpenFiles(_ bytes: Span<UInt8>) throws(ParseError) -> UInt64? {
    // "Max open files            20000                20000                files     "
    var found = false
    var limit: UInt64?
    try bytes.forEachLine { (line, number) throws(ParseError) in
      var position = 0
      guard line.skip("Max open files ", at: &position) else { return }
      line.skipSpaces(at: &position)
      var end = position
      if line.skip("unlimited", at: &end), line.isWordEnd(end) {
        limit = nil
      } else if let value = line.decimal(at: &position), line.isWordEnd(position) {
        limit = value
      } else {
        throw ParseError(file: "limits", line: number, field: "Max open files")
      }
      found = true
    }
    guard found else { throw ParseError(file: "limits", line: 0, field: "Max open files") }
    return limit
  }
}
