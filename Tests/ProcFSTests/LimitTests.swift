import Glibc
import LinuxIO
import ProcFS
import SocketModel
import Testing

/// The ceilings of processes, of the host and of a network namespace, and the namespace's own number.
struct LimitTests {
  // MARK: limits

  private func openFiles(_ text: String) throws(ParseError) -> UInt64? {
    try ProcessLimits.parseOpenFiles(Array(text.utf8).span)
  }

  @Test(arguments: [
    (Host.linux5, 1, UInt64(1_048_576)), (.linux5, 1201, 65536), (.linux5, 480, 1024),
    (.linux5, 2, 1024), (.linux5, 1390, 1024), (.linux61, 955, 1_000_000), (.linux618, 401, 20000),
  ])
  func openFilesOfProcesses(host: Host, pid: Int, limit: UInt64) throws {
    #expect(try openFiles(host.text("\(pid)/limits")) == limit)
  }

  @Test func openFilesOfThisProcess() throws {
    var expected = rlimit()
    #expect(getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &expected) == 0)
    var procfs = try ProcFileSystem()
    let read = try procfs.read("self/limits") { try ProcessLimits.parseOpenFiles($0) }
    #expect(read == (expected.rlim_cur == .max ? nil : UInt64(expected.rlim_cur)))
  }

  @Test func unlimitedIsNil() throws {
    #expect(
      try openFiles("Max open files            unlimited            unlimited      files\n") == nil)
    #expect(try openFiles("Max open files unlimited") == nil)
    #expect(try openFiles("Max open files 0 unlimited") == 0)
    #expect(try openFiles("Max open files            18446744073709551614 1 files") == .max - 1)
  }

  @Test(arguments: [
    ("", 0), ("\n", 0), ("Max open file 5", 0), ("max open files 5", 0), ("Max open filesets 5", 0),
    (" Max open files 5", 0), ("Max open files", 0),
    ("Max open files ", 1), ("a\nMax open files x", 2), ("Max open files -1", 1),
    ("Max open files 5x", 1), ("Max open files unlimitedly", 1), ("Max open files unlim", 1),
    ("Max open files 18446744073709551616", 1),
  ])
  func malformedOpenFiles(text: String, line: Int) {
    #expect(throws: ParseError(file: "limits", line: line, field: "Max open files")) {
      _ = try openFiles(text)
    }
  }

  // MARK: sys/net/ipv4/ip_local_port_range, sys/net/ipv4/ip_local_reserved_ports

  private func range(_ text: String) throws(ParseError) -> ClosedRange<UInt16> {
    try PortRange.parse(Array(text.utf8).span)
  }

  private func reserved(_ text: String) throws(ParseError) -> [ClosedRange<UInt16>] {
    try ReservedPorts.parse(Array(text.utf8).span)
  }

  @Test func localPortsOfEachHost() throws {
    func ports(_ host: Host) throws -> LocalPorts {
      LocalPorts(
        range: try range(host.text(PortRange.file)),
        reserved: try reserved(host.text(ReservedPorts.file)))
    }
    #expect(try ports(.linux5).available == 28232)
    #expect(try ports(.linux61).available == 28131)
    #expect(try ports(.linux618).available == 28131)
    let recorded = try ports(.linux618)
    for port: UInt16 in [32768, 32999, 33001, 39999, 40100, 60999] {
      #expect(recorded.contains(port))
    }
    for port: UInt16 in [0, 80, 32767, 33000, 40000, 40099, 61000, 65535] {
      #expect(!recorded.contains(port))
    }
  }

  @Test func portRanges() throws {
    #expect(try range("32768\t60999\n") == 32768...60999)
    #expect(try range("1 1") == 1...1)
    #expect(try range(" 0   65535\n") == 0...65535)
    for text in ["", "\n", "x", "-1 5", "65536 65537", "1x 2", "18446744073709551616 1"] {
      #expect(throws: ParseError(file: PortRange.file, line: 1, field: "first port")) {
        _ = try range(text)
      }
    }
    for text in ["1", "1\n2", "1 ", "2 1", "1 65536", "1 2x", "1 -2"] {
      #expect(throws: ParseError(file: PortRange.file, line: 1, field: "last port")) {
        _ = try range(text)
      }
    }
  }

  @Test func reservedPorts() throws {
    #expect(try reserved("") == [])
    #expect(try reserved("\n") == [])
    #expect(try reserved("0\n") == [0...0])
    #expect(try reserved("8080,9148-9150\n") == [8080...8080, 9148...9150])
    #expect(try reserved("1-65535\n") == [1...65535])
    for text in [
      // Without a newline the list is cut.
      "8080", "8080,", "8080-", "8080-9", "8080,9148-9150",
      ",\n", "8080,\n", "8080-\n", "-9\n", "9-8\n", "8080 9\n", " 8080\n", "65536\n", "1-65536\n",
      "x\n", "8080;9\n", "1-2-3\n", "+1\n", "18446744073709551616\n", "\0\n",
    ] {
      #expect(throws: ParseError(file: ReservedPorts.file, line: 1, field: "ports")) {
        _ = try reserved(text)
      }
    }
  }

  @Test func localPortsAreThoseInRangeAndNotReserved() {
    let cases: [(ClosedRange<UInt16>, [ClosedRange<UInt16>])] = [
      (0...65535, []), (0...65535, [0...65535]), (1...1, []), (1...1, [1...1]),
      (65535...65535, []), (63...64, [64...127]), (100...300, [0...99, 301...400]),
      (100...300, [50...150, 120...130, 300...300, 300...310]), (1024...65535, [1024...2047]),
    ]
    for (range, reserved) in cases {
      let ports = LocalPorts(range: range, reserved: reserved)
      let expected = (0...UInt16.max).filter { port in
        range.contains(port) && !reserved.contains { $0.contains(port) }
      }
      #expect((0...UInt16.max).filter(ports.contains) == expected)
      #expect(ports.available == UInt64(expected.count))
    }
  }

  @Test func theLongestListOfReservedPorts() throws {
    let ports = stride(from: UInt16(1), through: 65535, by: 2)
    let text = ports.map { String($0) }.joined(separator: ",")
    let local = LocalPorts(range: 0...65535, reserved: try reserved(text + "\n"))
    #expect(local.available == 32768)
    // As much of it as a page holds.
    #expect(throws: ParseError.self) { _ = try reserved(String(text.prefix(4096))) }
  }

  // MARK: sys

  private func thresholds(
    _ text: String, pageBytes: UInt64 = 4096
  ) throws(ParseError) -> Limits.MemoryThresholds {
    try KernelSetting.parseMemoryThresholds(
      Array(text.utf8).span, file: KernelSetting.tcpMemory, pageBytes: pageBytes)
  }

  @Test func memoryThresholds() throws {
    #expect(
      try thresholds(Host.linux5.text(KernelSetting.tcpMemory))
        == Limits.MemoryThresholds(
          low: 45675 * 4096, pressure: 60902 * 4096, high: 91350 * 4096))
    #expect(
      try thresholds(Host.linux618.text(KernelSetting.udpMemory), pageBytes: 65536)
        == Limits.MemoryThresholds(
          low: 575802 * 65536, pressure: 767738 * 65536, high: 1_151_604 * 65536))
    // More than there can be.
    #expect(
      try thresholds("0 9223372036854775807 4503599627370496")
        == Limits.MemoryThresholds(low: 0, pressure: .max, high: .max))
    #expect(try thresholds("1 2 4503599627370495").high == 4_503_599_627_370_495 * 4096)
    for (text, field) in [
      ("", "low"), ("x 1 2", "low"), ("-1 1 2", "low"), ("1", "pressure"), ("1 2x 3", "pressure"),
      ("1 2", "high"), ("1 2 ", "high"), ("1 2\n3", "high"), ("1 2 18446744073709551616", "high"),
    ] {
      #expect(throws: ParseError(file: KernelSetting.tcpMemory, line: 1, field: field)) {
        _ = try thresholds(text)
      }
    }
  }

  private func fileHandles(_ text: String) throws(ParseError) -> KernelSetting.FileHandles {
    try KernelSetting.parseFileHandles(Array(text.utf8).span)
  }

  @Test func fileHandlesOfTheHost() throws {
    let never = try fileHandles(Host.linux61.text(KernelSetting.fileHandles))
    #expect(never.used == 4416 && never.limit == 9_223_372_036_854_775_807)
    #expect(try fileHandles("738\t0\t2466193\n").limit == 2_466_193)
    for (text, field) in [
      ("", "allocated"), ("x", "allocated"), ("1", "unused"), ("1 x 2", "unused"),
      ("1 0", "maximum"), ("1 0 -1", "maximum"), ("1 0\n5", "maximum"),
    ] {
      #expect(throws: ParseError(file: "sys/fs/file-nr", line: 1, field: field)) {
        _ = try fileHandles(text)
      }
    }
  }

  @Test func singleSettings() throws {
    func read(_ host: Host, _ file: String) throws -> UInt64? {
      var procfs = try ProcFileSystem(path: host.path)
      return try procfs.readIfPresent(file) { try KernelSetting.parse($0, file: file) } ?? nil
    }
    #expect(try read(.linux61, KernelSetting.tcpOrphans) == 65536)
    #expect(try read(.linux61, KernelSetting.tcpTimeWait) == 65536)
    #expect(try read(.linux61, KernelSetting.listenBacklog) == 4096)
    #expect(try read(.linux61, KernelSetting.synBacklog) == 1024)
    #expect(try read(.linux61, KernelSetting.conntrackEntries) == 1432)
    #expect(try read(.linux61, KernelSetting.conntrackEntriesLimit) == 262_144)
    // Nothing tracks connections there.
    #expect(try read(.linux5, KernelSetting.conntrackEntries) == nil)
    #expect(try read(.linux5, KernelSetting.conntrackEntriesLimit) == nil)
  }

  @Test func thisKernelHasTheSettings() throws {
    var procfs = try ProcFileSystem()
    for file in [KernelSetting.tcpMemory, KernelSetting.udpMemory] {
      let read = try procfs.read(file) {
        try KernelSetting.parseMemoryThresholds($0, file: file, pageBytes: 4096)
      }
      #expect(read.low <= read.pressure && read.pressure <= read.high)
    }
    let files = try procfs.read(KernelSetting.fileHandles) {
      try KernelSetting.parseFileHandles($0)
    }
    #expect(files.used > 0 && files.used <= files.limit)
    for file in [
      KernelSetting.tcpOrphans, KernelSetting.tcpTimeWait, KernelSetting.listenBacklog,
      KernelSetting.synBacklog,
    ] {
      #expect(try procfs.read(file) { try KernelSetting.parse($0, file: file) } ?? 0 > 0)
    }
    let range = try procfs.read(PortRange.file) { try PortRange.parse($0) }
    let reserved = try procfs.read(ReservedPorts.file) { try ReservedPorts.parse($0) }
    #expect(LocalPorts(range: range, reserved: reserved).available <= UInt64(range.count))
  }

  // MARK: ns/net

  private func namespace(_ text: String) -> UInt64? {
    NetworkNamespaceLink.parse(Array(text.utf8).span)
  }

  @Test func networkNamespaces() throws {
    #expect(namespace("net:[4026531840]") == 4_026_531_840)
    #expect(namespace("net:[18446744073709551615]") == .max)
    for text in [
      "", "net:", "net:[", "net:[]", "net:[1", "net:[1]x", "net:[1] ", " net:[1]", "net:[-1]",
      "net:[1x]", "net:1", "mnt:[1]", "socket:[1]", "net:[18446744073709551616]", "NET:[1]",
    ] {
      #expect(namespace(text) == nil)
    }
    func link(_ path: String) -> UInt64? {
      var target = [CChar](repeating: 0, count: 64)
      let count = readlink(path, &target, target.count)
      return count < 0
        ? nil : namespace(String(decoding: target[..<count].map(UInt8.init), as: UTF8.self))
    }
    var status = stat()
    #expect(stat("/proc/self/ns/net", &status) == 0)
    #expect(link("/proc/self/ns/net") == UInt64(status.st_ino))
    #expect(link(Host.linux61.path + "/1/ns/net") == 4_026_531_840)
    #expect(link(Host.linux61.path + "/4123/ns/net") == 4_026_532_563)
    #expect(link(Host.linux61.path + "/4188/ns/net") == nil, "a zombie is in none")
  }

  // MARK: everything

  @Test func everyBeginningAndMutationIsAValueOrAnError() throws {
    func all(_ bytes: [UInt8]) {
      _ = outcome { () throws(ParseError) in try ProcessLimits.parseOpenFiles(bytes.span) }
      _ = outcome { () throws(ParseError) in try PortRange.parse(bytes.span) }
      _ = outcome { () throws(ParseError) in try ReservedPorts.parse(bytes.span) }
      _ = outcome { () throws(ParseError) in try KernelSetting.parseFileHandles(bytes.span) }
      _ = outcome { () throws(ParseError) in
        try KernelSetting.parseMemoryThresholds(bytes.span, file: "f", pageBytes: 4096)
      }
      _ = NetworkNamespaceLink.parse(bytes.span)
    }
    for text in [
      try Host.linux61.text("1/limits"), "32768\t60999\n", "8080,9148-9150\n",
      "4416\t0\t9223372036854775807\n", "45675\t60902\t91350\n", "net:[4026531840]",
    ] {
      let bytes = Array(text.utf8)
      forEachBeginning(of: bytes, all)
      forEachMutation(of: bytes, all)
    }
  }

  @Test func whatIsCutIsAnErrorUntilItsNumberIsThere() throws {
    let bytes = try Host.linux5.bytes("1/limits")
    let line = "Max open files            1048576"
    let before = try #require(String(decoding: bytes, as: UTF8.self).split(separator: line).first)
    let digits = before.utf8.count + line.utf8.count
    forEachBeginning(of: bytes) { beginning in
      let result = outcome { () throws(ParseError) in
        try ProcessLimits.parseOpenFiles(beginning.span)
      }
      switch result {
      case .success(let limit): #expect(beginning.count > digits - 7 && limit != nil)
      case .failure: #expect(beginning.count <= digits - 7)
      }
    }
  }
}
