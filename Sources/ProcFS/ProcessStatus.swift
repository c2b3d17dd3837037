internal import Glibc
package import LinuxIO
package import SocketModel

/// What the exporter takes from `/proc/<pid>/status` (proc_pid_status(5); `fs/proc/array.c`).
package enum ProcessStatus {
  /// What the process does with SIGCHLD, from the masks `SigIgn` and `SigCgt`.
  /// - Throws: `ParseError` where one of the masks is missing or malformed.
  package static func parseChildSignal(
    _ bytes: Span<UInt8>
  ) throws(ParseError) -> Zombies.ChildSignal {
    var ignored: UInt64?
    var caught: UInt64?
    try bytes.forEachLine { (line, number) throws(ParseError) in
      if let mask = try mask(named: "SigIgn:", in: line, number: number) { ignored = mask }
      if let mask = try mask(named: "SigCgt:", in: line, number: number) { caught = mask }
    }
    guard let ignored else { throw ParseError(file: "status", line: 0, field: "SigIgn") }
    guard let caught else { throw ParseError(file: "status", line: 0, field: "SigCgt") }
    let bit: UInt64 = 1 << UInt64(SIGCHLD - 1)
    if ignored & bit != 0 { return .ignored }
    return caught & bit != 0 ? .caught : .default
  }

  /// In how many process namespaces the process has a number, from that of the proc filesystem down
  /// to its own: the numbers in `NSpid`.
  /// - Throws: `ParseError` where they are missing; kernels before 4.1 do not tell them.
  package static func parseNamespaceDepth(_ bytes: Span<UInt8>) throws(ParseError) -> Int {
    var depth: Int?
    try bytes.forEachLine { (line, number) throws(ParseError) in
      var position = 0
      guard line.skip("NSpid:", at: &position) else { return }
      var count = 0
      while line.skipWord(at: &position) { count += 1 }
      depth = count
    }
    guard let depth else { throw ParseError(file: "status", line: 0, field: "NSpid") }
    return depth
  }

  private static func mask(
    named name: StaticString, in line: Span<UInt8>, number: Int
  ) throws(ParseError) -> UInt64? {
    var position = 0
    guard line.skip(name, at: &position) else { return nil }
    line.skipSpaces(at: &position)
    guard let mask = line.hexadecimal(at: &position), line.isWordEnd(position) else {
      throw ParseError(file: "status", line: number, field: name.description)
    }
    return mask
  }
}
