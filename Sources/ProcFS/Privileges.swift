internal import Glibc
package import LinuxIO

/// What a process may do that matters for reading others: its user and effective capabilities
/// (`CapEff` of `/proc/<pid>/status`, capabilities(7)).
package struct Privileges: Sendable, Equatable, CustomStringConvertible {
  /// The capabilities that widen what the exporter sees.
  package enum Capability: Int, CaseIterable, Sendable {
    case dacReadSearch = 2
    case netAdmin = 12
    case sysPtrace = 19
    case sysAdmin = 21
    case perfmon = 38
    case bpf = 39

    package var name: StaticString {
      switch self {
      case .dacReadSearch: "cap_dac_read_search"
      case .netAdmin: "cap_net_admin"
      case .sysPtrace: "cap_sys_ptrace"
      case .sysAdmin: "cap_sys_admin"
      case .perfmon: "cap_perfmon"
      case .bpf: "cap_bpf"
      }
    }
  }

  /// The effective user id.
  package var userID: UInt32
  /// Those of `Capability` that are in effect.
  package var capabilities: [Capability]

  /// - Throws: `ParseError` where `CapEff` is missing or malformed.
  package init(parsingStatus bytes: Span<UInt8>, userID: UInt32) throws(ParseError) {
    var mask: UInt64?
    try bytes.forEachLine { (line, number) throws(ParseError) in
      var position = 0
      guard line.skip("CapEff:", at: &position) else { return }
      line.skipSpaces(at: &position)
      guard let value = line.hexadecimal(at: &position) else {
        throw ParseError(file: "status", line: number, field: "CapEff")
      }
      mask = value
    }
    guard let mask else { throw ParseError(file: "status", line: 0, field: "CapEff") }
    self.userID = userID
    capabilities = Capability.allCases.filter { mask & 1 << UInt64($0.rawValue) != 0 }
  }

  /// Those of the exporter itself.
  /// - Throws: `SystemError` or `ParseError` where /proc/self/status cannot be read.
  package static func ofThisProcess() throws -> Privileges {
    var procfs = try ProcFileSystem()
    let userID = geteuid()
    return try procfs.read("self/status") { bytes in
      try Privileges(parsingStatus: bytes, userID: userID)
    }
  }

  /// The names, joined by commas; `none` where there is none.
  package var description: String {
    capabilities.isEmpty ? "none" : capabilities.map(\.name.description).joined(separator: ",")
  }
}
