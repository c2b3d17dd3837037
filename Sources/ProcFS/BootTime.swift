package import LinuxIO

/// The time of the boot, from the `btime` line of `/proc/stat` (proc_stat(5)).
package enum BootTime {
  /// Seconds since the epoch.
  /// - Throws: `ParseError` where there is no such line or it holds no number.
  package static func parse(_ bytes: Span<UInt8>) throws(ParseError) -> UInt64 {
    var bootTime: UInt64?
    try bytes.forEachLine { (line, number) throws(ParseError) in
      var position = 0
      guard line.skip("btime ", at: &position) else { return }
      guard let value = line.decimal(at: &position), line.isWordEnd(position) else {
        throw ParseError(file: "stat", line: number, field: "btime")
      }
      bootTime = value
    }
    guard let bootTime else { throw ParseError(file: "stat", line: 0, field: "btime") }
    return bootTime
  }
}
