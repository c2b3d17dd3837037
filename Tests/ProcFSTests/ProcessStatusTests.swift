import LinuxIO
import ProcFS
import SocketModel
import Testing

struct ProcessStatusTests {
  private func parse(_ text: String) throws(ParseError) -> Zombies.ChildSignal {
    try ProcessStatus.parseChildSignal(Array(text.utf8).span)
  }

  @Test(arguments: [
    (Host.linux5, 1201, Zombies.ChildSignal.default),
    (.linux5, 1, .default), (.linux5, 2, .ignored),
    (.linux61, 4123, .default), (.linux61, 5001, .ignored), (.linux61, 5010, .default),
    (.linux61, 840, .caught), (.linux61, 955, .caught),
    (.linux618, 411, .default), (.linux618, 412, .ignored), (.linux618, 413, .caught),
    (.linux618, 422, .default), (.linux618, 414, .default), (.linux618, 2, .ignored),
  ])
  func dispositions(host: Host, pid: Int, expected: Zombies.ChildSignal) throws {
    let bytes = try host.bytes("\(pid)/status")
    #expect(try ProcessStatus.parseChildSignal(bytes.span) == expected)
  }

  @Test(arguments: [
    ("0", "0", Zombies.ChildSignal.default),
    ("0000000000010000", "0000000000000000", .ignored),
    ("0000000000000000", "0000000000010000", .caught),
    // SIGCHLD is 17, so its neighbours are bits 15 and 17.
    ("0000000000028000", "0000000000028000", .default),
    ("ffffffffffffffff", "ffffffffffffffff", .ignored),
    ("fffffffffffeffff", "fffffffffffeffff", .default),
    ("FFFFFFFFFFFEFFFF", "10000", .caught),
  ])
  func masks(ignored: String, caught: String, expected: Zombies.ChildSignal) throws {
    #expect(try parse("SigIgn:\t\(ignored)\nSigCgt:\t\(caught)\n") == expected)
    #expect(try parse("New:\tx\nSigCgt: \(caught)\n\n???\nSigIgn:\(ignored)") == expected)
  }

  @Test func aNameCannotPoseAsAMask() throws {
    // The kernel writes a newline in a name as \n, so a name never begins a line.
    let text = "Name:\ta\\nSigIgn:\\tffff\nSigIgn:\t0000000000000000\nSigCgt:\t0000000000000000\n"
    #expect(try parse(text) == .default)
    #expect(try parse("Name:\tSigIgn:\tffffffff\nSigIgn:\t0\nSigCgt:\t0\n") == .default)
  }

  @Test(arguments: [
    ("", 0, "SigIgn"), ("\0", 0, "SigIgn"), ("SigCgt:\t0\n", 0, "SigIgn"),
    ("SigIgn:\t0\n", 0, "SigCgt"), ("sigign:\t0\nsigcgt:\t0", 0, "SigIgn"),
    ("SigIgn:", 1, "SigIgn:"), ("SigIgn:\t\n", 1, "SigIgn:"), ("x\nSigIgn:\t-1\n", 2, "SigIgn:"),
    ("SigIgn:\tzz\n", 1, "SigIgn:"), ("SigIgn:\t0x10000\nSigCgt:\t0\n", 1, "SigIgn:"),
    ("SigIgn:\t10000000000000000\n", 1, "SigIgn:"),
    ("SigIgn:\t0\nSigCgt:\t0000000000010000g\n", 2, "SigCgt:"),
  ])
  func malformed(text: String, line: Int, field: String) {
    #expect(throws: ParseError(file: "status", line: line, field: field)) { _ = try parse(text) }
  }

  @Test(arguments: Host.allCases)
  func everyBeginningIsAValueOrAnError(host: Host) throws {
    let bytes = try host.bytes("1/status")
    forEachBeginning(of: bytes) { beginning in
      let result = outcome { () throws(ParseError) in
        try ProcessStatus.parseChildSignal(beginning.span)
      }
      if case .failure(let error) = result { #expect(error.file == "status") }
    }
    forEachMutation(of: bytes) { mutated in
      _ = outcome { () throws(ParseError) in
        try ProcessStatus.parseChildSignal(mutated.span)
      }
    }
  }
}
