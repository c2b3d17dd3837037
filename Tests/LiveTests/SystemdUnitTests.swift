import Foundation
import TestSupport
import Testing

@Suite(
  "The systemd unit, read by systemd",
  .enabled(if: SystemdUnit.isAvailable, SystemdUnit.unavailability), .hangLimit)
struct SystemdUnitTests {
  /// The unit alone and with each drop-in, and the highest score each may have: 10 is a service without
  /// any protection.
  private static let variants: [(dropIn: String?, score: Double)] = [
    (nil, 2.0), ("only-bpf.conf", 1.8), ("only-procfs.conf", 1.8),
    ("socket-activation/socket-activation.conf", 1.8), ("netns-all.conf", 2.4),
  ]

  /// Lends the unit as it would be installed, but with a program that is there.
  private static func withUnit<Value>(
    _ dropIn: String?, adding line: String = "", _ body: (String) throws -> Value
  ) throws -> Value {
    try Tools.withTemporaryDirectory { directory in
      func install(_ name: String, in place: String, adding line: String = "") throws {
        let text = try String(contentsOfFile: SystemdUnit.directory + "/" + name, encoding: .utf8)
        let file = URL(filePath: directory + "/" + place)
        try FileManager.default.createDirectory(
          at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try
          (text.replacing("ExecStart=/usr/bin/socket-exporter", with: "ExecStart=/bin/true")
          .replacing("[Service]\n", with: "[Service]\n\(line)\n"))
          .write(to: file, atomically: false, encoding: .utf8)
      }
      let unit = "socket-exporter.service"
      try install(unit, in: unit, adding: line)
      try install("socket-activation/socket-exporter.socket", in: "socket-exporter.socket")
      if let dropIn {
        let name = URL(filePath: dropIn).lastPathComponent
        try install(dropIn, in: "\(unit).d/\(name)")
      }
      return try body(directory + "/" + unit)
    }
  }

  private static func verify(_ unit: String) throws -> String {
    let outcome = try Tools.outcome(of: ["systemd-analyze", "verify", unit])
    return outcome.exit == .code(0)
      ? outcome.text + outcome.errors : "\(outcome.exit): \(outcome.errors)"
  }

  private static func expectValid(_ unit: String) throws {
    let said = try verify(unit)
    #expect(said == "")
  }

  @Test("nothing in it is unknown, misspelt or contradictory", arguments: variants)
  func isValid(dropIn: String?, score: Double) throws {
    try Self.withUnit(dropIn) { try Self.expectValid($0) }
  }

  @Test("the same of the socket unit")
  func socketIsValid() throws {
    try Self.withUnit("socket-activation/socket-activation.conf") { unit in
      let socket = unit.replacing(".service", with: ".socket")
      try Self.expectValid(socket)
    }
  }

  @Test(
    "the check sees what is wrong",
    arguments: [("MemoryMaxx=1", "MemoryMaxx"), ("SystemCallFilter=nosuchcall", "nosuchcall")])
  func isChecked(line: String, named: String) throws {
    try Self.withUnit(nil, adding: line) { unit in
      let said = try Self.verify(unit)
      #expect(said.contains(named), "\(said)")
    }
  }

  @Test("what is left open is little, as systemd scores it", arguments: variants)
  func isShut(dropIn: String?, score: Double) throws {
    try Self.withUnit(dropIn) { unit in
      let report = try Tools.run(["systemd-analyze", "security", "--offline=yes", unit]).text
      let match = try #require(report.firstMatch(of: #/exposure level for [^ ]+: ([0-9.]+) /#))
      let found = try #require(Double(match.1))
      #expect(found <= score, "\(report)")
      #expect(found > 0)
    }
  }

  @Test("a program that may do everything scores badly, so the score means something")
  func scoreMeansSomething() throws {
    try Tools.withTemporaryDirectory { directory in
      let unit = directory + "/open.service"
      try "[Service]\nExecStart=/bin/true\n".write(
        toFile: unit, atomically: false, encoding: .utf8)
      let command = ["systemd-analyze", "security", "--offline=yes", "--threshold=20", unit]
      #expect(try Tools.outcome(of: command).exit == .code(1))
    }
  }
}

@Suite("The systemd unit, read by the tests")
struct SystemdUnitReadingTests {
  private static let dropIns = [
    "only-bpf.conf", "only-procfs.conf", "netns-all.conf",
    "socket-activation/socket-activation.conf",
  ]

  @Test("no setting is forgotten by the test under its filters")
  func isAccountedFor() throws {
    for dropIns in [[]] + Self.dropIns.map({ [$0] }) {
      let known = SystemdUnit.filtered.union(SystemdUnit.imitated).union(SystemdUnit.beyond)
      let keys = Set(try SystemdUnit(dropIns).settings.map(\.key))
      #expect(keys.subtracting(known).sorted() == [])
    }
  }

  @Test("an empty setting takes back those before it")
  func takesBack() throws {
    let capabilities = try SystemdUnit(["only-bpf.conf"]).values("CapabilityBoundingSet")
    #expect(capabilities == ["CAP_BPF CAP_PERFMON"])
  }

  @Test("every file there is belongs to the tests")
  func isComplete() throws {
    let found = try FileManager.default.subpathsOfDirectory(atPath: SystemdUnit.directory)
      .filter { $0.hasSuffix(".conf") }
    #expect(Set(found) == Set(Self.dropIns))
  }
}
