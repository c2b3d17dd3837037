import LinuxIO
import ProcFS
import SocketModel
import Testing

struct ProcessStatTests {
  /// The processes of a host, by the names of their directories.
  private func processes(of host: Host) throws -> [Int32] {
    let procfs = try ProcFileSystem(path: host.path)
    var reader = DirectoryReader()
    return try procfs.processIDs(using: &reader)
  }

  private func stat(_ host: Host, _ pid: Int32) throws -> ProcessStat {
    let bytes = try host.bytes("\(pid)/stat")
    return try ProcessStat(parsing: bytes.span)
  }

  /// A line of `status`, read by other means than the parsers under test.
  private func status(_ host: Host, _ pid: Int32, _ key: String) throws -> String? {
    try host.text("\(pid)/status").split(separator: "\n")
      .first { $0.hasPrefix(key + ":\t") }
      .map { String($0.dropFirst(key.utf8.count + 2)) }
  }

  @Test(arguments: [(Host.linux5, 26, 9, 2), (.linux61, 45, 8, 9), (.linux618, 38, 12, 6)])
  func kindsOfProcesses(host: Host, all: Int, kernelThreads: Int, zombies: Int) throws {
    let stats = try processes(of: host).map { try stat(host, $0) }
    #expect(stats.count == all)
    #expect(stats.count(where: \.isKernelThread) == kernelThreads)
    #expect(stats.count(where: \.isZombie) == zombies)
  }

  @Test(arguments: Host.allCases)
  func statAgreesWithTheOtherFiles(host: Host) throws {
    for pid in try processes(of: host) {
      let stat = try stat(host, pid)
      #expect(stat.name + "\n" == (try host.text("\(pid)/comm")), "\(pid)")
      #expect(String(stat.parent) == (try status(host, pid, "PPid")), "\(pid)")
      #expect(String(stat.threads) == (try status(host, pid, "Threads")), "\(pid)")
      let state = try #require(try status(host, pid, "State"))
      #expect(stat.state == state.utf8.first, "\(pid)")
      if let kernelThread = try status(host, pid, "Kthread") {
        #expect(stat.isKernelThread == (kernelThread == "1"), "\(pid)")
      }
    }
  }

  @Test func aProcessInFull() throws {
    let text =
      "1201 (java) S 1 1201 1201 34816 -1 4194624 82732 0 0 0 571 109 0 0 20 0 43 0 652 3187707904 "
      + "86709 18446744073709551615 1 1 0 0 0 0 0 0 16800975 1 0 0 17 2 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
    let stat = try ProcessStat(parsing: Array(text.utf8).span)
    #expect(stat.name == "java")
    #expect(stat.state == UInt8(ascii: "S"))
    #expect(stat.parent == 1)
    #expect(stat.flags == 4_194_624)
    #expect(stat.threads == 43)
    #expect(stat.startTicks == 652)
    #expect(!stat.isKernelThread)
    #expect(!stat.hasEndedMainThread)
    #expect(!stat.isZombie)
  }

  @Test func aMainThreadThatEndedIsNoZombieWhileOthersGoOn() throws {
    for (host, pid) in [(Host.linux61, Int32(7001)), (.linux618, 422)] {
      let stat = try stat(host, pid)
      #expect(stat.state == UInt8(ascii: "Z"))
      #expect(stat.threads == 3)
      #expect(stat.hasEndedMainThread)
      #expect(!stat.isZombie)
    }
    #expect(try stat(.linux61, 6003).isZombie)
    #expect(try stat(.linux61, 6003).parent == 0)
  }

  @Test(arguments: [
    (Host.linux5, Int32(816), "(sd-pam)"),
    (.linux5, 1460, ") S 1 1 1 0 -1 "),
    (.linux61, 1_048_577, "chrome (deleted"),
    (.linux61, 2_310_551, "kworker/u8:2-events_unbound"),
    (.linux61, 8001, "new\nline"),
    (.linux61, 8002, "\\"),
    (.linux61, 8003, ""),
    (.linux61, 8004, "\u{fffd}\u{fffd}\u{fffd}"),
    (.linux61, 8005, " "),
    (.linux61, 8006, "((((((((((((((("),
    (.linux61, 8007, ")))))))))))))))"),
    (.linux61, 8008, "a) R 0 0 0 0 -1"),
    (.linux61, 8009, "日本語名"),
    (.linux61, 8010, "{quote=\"x\"}\\n"),
    (.linux618, 405, "a b (c) d"),
    (.linux618, 406, ") Z 1 ("),
    (.linux618, 407, "new\nline\\"),
    (.linux618, 408, ""),
    (.linux618, 409, "\u{fffd}\u{fffd} caf\u{fffd}"),
  ])
  func hostileNames(host: Host, pid: Int32, name: String) throws {
    let stat = try stat(host, pid)
    #expect(stat.name == name)
    #expect(!stat.isZombie || pid == 1_048_577)
    #expect(stat.threads == 1)
  }

  @Test(arguments: [
    ("", "comm"), ("\0\0\0", "comm"), ("\n", "comm"), ("1 (a", "comm"), ("1 a) S 1", "comm"),
    (")(", "comm"), ("1 )a( S 1", "comm"),
    ("1 (a)", "state"), ("1 (a) ", "state"), ("1 (a)\n", "state"), ("1 (a) SS 1", "state"),
    ("1 (a) \0 1", "state"),
    ("1 (a) S", "ppid"), ("1 (a) S ", "ppid"), ("1 (a) S x", "ppid"), ("1 (a) S -1 1", "ppid"),
    ("1 (a) S 2147483648 1", "ppid"), ("1 (a) S 18446744073709551616 1", "ppid"),
    ("1 (a) S 1x 1 1 0 -1 4194304", "ppid"),
    ("1 (a) S 1 1 1 0", "flags"), ("1 (a) S 1 1 1 0 -1", "flags"), ("1 (a) S 1 1 1 0 -1 ", "flags"),
    ("1 (a) S 1 1 1 0 -1 x", "flags"), ("1 (a) S 1 1 1 0 -1 -4", "flags"),
    ("1 (a) S 1 1 1 0 -1 4194304x 0 0 0 0 0 0 0 0 20 0 1 0 9", "flags"),
    ("1 (a) S 1 1 1 0 -1 99999999999999999999 0", "flags"),
    ("1 (a) S 1\n1 1 0 -1 4194304", "flags"),
    ("1 (a) S 1 1 1 0 -1 4194304 0 0 0 0 0 0 0 0 20 0", "num_threads"),
    ("1 (a) S 1 1 1 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 -1", "num_threads"),
    ("1 (a) S 1 1 1 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1.5 0 9", "num_threads"),
    ("1 (a) S 1 1 1 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1", "starttime"),
    ("1 (a) S 1 1 1 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0", "starttime"),
    ("1 (a) S 1 1 1 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 x", "starttime"),
    ("1 (a) S 1 1 1 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 18446744073709551616", "starttime"),
  ])
  func malformed(text: String, field: String) {
    #expect(throws: ParseError(file: "stat", line: 1, field: field)) {
      _ = try ProcessStat(parsing: Array(text.utf8).span)
    }
  }

  @Test func fieldsOfKernelsToComeArePassedOver() throws {
    let bytes = try Host.linux618.bytes("1/stat")
    let extended = bytes.dropLast() + Array(" 1 -2 0x3 four\n".utf8)
    #expect(
      try ProcessStat(parsing: Array(extended).span) == ProcessStat(parsing: bytes.span))
  }

  @Test func aHugeNameIsOnlyAName() throws {
    let name = String(repeating: "()", count: 200_000)
    let text = "1 (\(name)) S 1 1 1 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 9\n"
    #expect(try ProcessStat(parsing: Array(text.utf8).span).name == name)
  }

  @Test(arguments: Host.allCases)
  func everyBeginningIsAValueOrAnError(host: Host) throws {
    for pid in try processes(of: host) {
      let bytes = try host.bytes("\(pid)/stat")
      let whole = try ProcessStat(parsing: bytes.span)
      let close = try #require(bytes.lastIndex(of: UInt8(ascii: ")")))
      forEachBeginning(of: bytes) { beginning in
        let result = outcome { () throws(ParseError) in
          try ProcessStat(parsing: beginning.span)
        }
        switch result {
        case .success(let stat):
          // Cut within the last number that is read it is a shorter number; all else is whole.
          #expect(beginning.count > close)
          #expect(stat.name == whole.name && stat.threads == whole.threads)
          #expect(stat.parent == whole.parent && stat.flags == whole.flags)
        case .failure(let error):
          #expect(error.file == "stat")
        }
      }
    }
  }

  @Test func everyMutationIsAValueOrAnError() throws {
    for (host, pid) in [(Host.linux61, 8008), (.linux618, 407)] {
      forEachMutation(of: try host.bytes("\(pid)/stat")) { bytes in
        _ = outcome { () throws(ParseError) in try ProcessStat(parsing: bytes.span) }
      }
    }
  }
}
