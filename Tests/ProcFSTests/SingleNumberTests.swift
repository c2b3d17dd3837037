import LinuxIO
import ProcFS
import SocketModel
import Testing

/// The files of which one or two numbers are taken.
struct SingleNumberTests {
  private func setting(_ text: String) throws(ParseError) -> UInt64? {
    try KernelSetting.parse(Array(text.utf8).span, file: KernelSetting.processLimit)
  }

  @Test(arguments: [(Host.linux5, UInt64(32768)), (.linux61, 4_194_304), (.linux618, 4_194_304)])
  func processLimits(host: Host, limit: UInt64) throws {
    var procfs = try ProcFileSystem(path: host.path)
    let read = try procfs.read(KernelSetting.processLimit) { bytes in
      try KernelSetting.parse(bytes, file: KernelSetting.processLimit)
    }
    #expect(read == limit)
  }

  @Test(
    arguments: [
      ("0", 0), ("1\n", 1), ("  7\n", 7), ("18446744073709551615\n", UInt64.max),
      ("4 5 6\n", 4), ("-1\n", nil),
    ] as [(String, UInt64?)])
  func settings(text: String, value: UInt64?) throws {
    #expect(try setting(text) == value)
  }

  @Test(arguments: [
    "", "\n", " ", "\0", "x", "-", "--1\n", "-x", "+1", "1x\n", "1.5", "0x10",
    "18446744073709551616",
    String(repeating: "1", count: 100_000),
  ])
  func malformedSettings(text: String) {
    #expect(throws: ParseError(file: "sys/kernel/pid_max", line: 1, field: "value")) {
      _ = try setting(text)
    }
  }

  @Test func timeOfBoot() throws {
    func parse(_ text: String) throws(ParseError) -> UInt64 {
      try BootTime.parse(Array(text.utf8).span)
    }
    let text = "cpu  1 2 3\nintr 5 0 0\nctxt 7\nbtime 1763694000\nprocesses 9\n"
    #expect(try parse(text) == 1_763_694_000)
    #expect(try parse("btime 1") == 1)
    for text in ["", "\n", "cpu 1\n", "xbtime 5\n", "btimes 5\n"] {
      #expect(throws: ParseError(file: "stat", line: 0, field: "btime")) { _ = try parse(text) }
    }
    for text in ["btime ", "btime -1", "btime x", "btime 1x", "btime 18446744073709551616"] {
      #expect(throws: ParseError(file: "stat", line: 2, field: "btime")) {
        _ = try parse("cpu 1\n" + text)
      }
    }
    forEachBeginning(of: Array(text.utf8)) { beginning in
      _ = outcome { () throws(ParseError) in try BootTime.parse(beginning.span) }
    }
  }

  @Test func memory() throws {
    func parse(_ text: String) throws(ParseError) -> MemoryPages {
      try MemoryPages(parsing: Array(text.utf8).span)
    }
    #expect(try parse("5120 1400 900 3 0 700 0\n").size == 5120)
    #expect(try parse("5120 1400 900 3 0 700 0\n").resident == 1400)
    #expect(try parse("0 0").resident == 0)
    for text in ["", "x", "-1 2", " 1 2", "1x 2", "18446744073709551616 1"] {
      #expect(throws: ParseError(file: "statm", line: 1, field: "size")) { _ = try parse(text) }
    }
    for text in ["1", "1 ", "1 x", "1 -2", "1 2x", "1 18446744073709551616", "1\n2"] {
      #expect(throws: ParseError(file: "statm", line: 1, field: "resident")) {
        _ = try parse(text)
      }
    }
  }

  @Test func thisProcess() throws {
    var process = try SelfProcess()
    let read = try process.read()
    #expect(read.cpuSeconds > 0)
    #expect(read.residentMemoryBytes > 1 << 20)
    #expect(read.virtualMemoryBytes >= read.residentMemoryBytes)
    #expect(read.openDescriptors >= 3 && read.openDescriptors <= read.maxDescriptors)
    // Between 2020 and 2100.
    #expect(read.startTimeSeconds > 1_577_836_800 && read.startTimeSeconds < 4_102_444_800)
  }
}
