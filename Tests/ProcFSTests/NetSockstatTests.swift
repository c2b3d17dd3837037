import LinuxIO
import ProcFS
import SocketModel
import Testing

struct NetSockstatTests {
  private func parse(
    _ text: String, pageBytes: UInt64 = 4096
  ) throws(ParseError) -> Sockstat {
    try parse(Array(text.utf8), pageBytes: pageBytes)
  }

  private func parse(
    _ bytes: [UInt8], pageBytes: UInt64 = 4096
  ) throws(ParseError) -> Sockstat {
    var sockstat = Sockstat()
    try NetSockstat.parse(bytes.span, file: "net/sockstat", pageBytes: pageBytes, into: &sockstat)
    return sockstat
  }

  @Test func hostWithoutIPv6() throws {
    var expected = Sockstat()
    expected.socketsUsed = 148
    expected.tcpOrphans = 4
    expected.tcpTimeWait = 6
    expected.tcpAllocated = 30
    expected.tcpMemoryBytes = 12 * 4096
    expected.udpMemoryBytes = 2 * 4096
    expected.ipv4.inUse = [27, 1, 0, 0, 2]
    expected.ipv4.fragmentMemoryBytes = 4864
    #expect(try parse(Host.linux5.bytes("net/sockstat")) == expected)
  }

  @Test func hostWithBothFamilies() throws {
    var sockstat = try parse(Host.linux61.bytes("net/sockstat"))
    let bytes = try Host.linux61.bytes("net/sockstat6")
    try NetSockstat.parse(
      bytes.span, file: "net/sockstat6", pageBytes: 4096, into: &sockstat)
    var expected = Sockstat()
    expected.socketsUsed = 251
    expected.tcpOrphans = 6
    expected.tcpTimeWait = 17
    expected.tcpAllocated = 44
    expected.tcpMemoryBytes = 31 * 4096
    expected.udpMemoryBytes = 3 * 4096
    expected.ipv4.inUse = [24, 4, 0, 1, 0]
    expected.ipv4.fragmentMemoryBytes = 0
    expected.ipv6.inUse = [18, 3, 0, 2, 1]
    expected.ipv6.fragmentMemoryBytes = 2432
    #expect(sockstat == expected)
  }

  @Test func recordedHost() throws {
    var sockstat = try parse(Host.linux618.bytes("net/sockstat"), pageBytes: 65536)
    let bytes = try Host.linux618.bytes("net/sockstat6")
    try NetSockstat.parse(
      bytes.span, file: "net/sockstat6", pageBytes: 65536, into: &sockstat)
    var expected = Sockstat()
    expected.socketsUsed = 86
    expected.tcpOrphans = 0
    expected.tcpTimeWait = 16
    expected.tcpAllocated = 81
    expected.tcpMemoryBytes = 257 * 65536
    expected.udpMemoryBytes = 0
    expected.ipv4.inUse = [38, 0, 0, 1, 0]
    expected.ipv4.fragmentMemoryBytes = 0
    expected.ipv6.inUse = [37, 0, 0, 0, 0]
    expected.ipv6.fragmentMemoryBytes = 0
    #expect(sockstat == expected)
  }

  @Test func whatTheKernelDoesNotSayIsNil() throws {
    #expect(try parse("") == Sockstat())
    // No UDP-Lite, no memory accounting, no reassembly: compiled out, or of another time.
    let sockstat = try parse("sockets: used 0\nTCP: inuse 0\nUDP: inuse 7\n")
    var expected = Sockstat()
    expected.socketsUsed = 0
    expected.ipv4.inUse = [0, 7, nil, nil, nil]
    #expect(sockstat == expected)
  }

  @Test func whatIsNotKnownIsPassedOver() throws {
    let sockstat = try parse(
      """
      sockets: used 3 peak 9
      MPTCP: inuse 4 tokens many
      SMC: 1.5 half
      TCP: inuse 1 orphan 2 mode fast tw 3 ratio 0.5 alloc 4 mem 5 limit -1
      TCP6: inuse 6 orphan 99 mem 99
      sockets6: used 99
      VSOCK:
      """)
    var expected = Sockstat()
    expected.socketsUsed = 3
    expected.ipv4.inUse[0] = 1
    expected.tcpOrphans = 2
    expected.tcpTimeWait = 3
    expected.tcpAllocated = 4
    expected.tcpMemoryBytes = 5 * 4096
    expected.ipv6.inUse[0] = 6
    #expect(sockstat == expected)
  }

  @Test func whatIsBelowZeroForAMomentIsZero() throws {
    let sockstat = try parse("sockets: used -1\nTCP: inuse 1 orphan 0 tw 0 alloc -2 mem -3\n")
    #expect(sockstat.socketsUsed == 0)
    #expect(sockstat.tcpAllocated == 0)
    #expect(sockstat.tcpMemoryBytes == 0)
    #expect(sockstat.ipv4.inUse[0] == 1)
  }

  @Test func spacingDoesNotMatter() throws {
    let sockstat = try parse("TCP:inuse\t1  orphan   2 \nUDP: inuse 3   mem 4")
    #expect(sockstat.ipv4.inUse[0] == 1)
    #expect(sockstat.tcpOrphans == 2)
    #expect(sockstat.ipv4.inUse[1] == 3)
    #expect(sockstat.udpMemoryBytes == 4 * 4096)
  }

  @Test(arguments: [
    ("sockets: used", 1, "used"),
    ("sockets: used \n", 1, "used"),
    ("sockets: used -\n", 1, "used"),
    ("sockets: used -x\n", 1, "used"),
    ("sockets: used +1\n", 1, "used"),
    ("sockets: used 12x\n", 1, "used"),
    ("sockets: used 0x10\n", 1, "used"),
    ("sockets: used 1,5\n", 1, "used"),
    ("sockets: used 18446744073709551616\n", 1, "used"),
    ("sockets: used 1\nTCP: inuse 1 orphan x\n", 2, "orphan"),
    ("sockets: used 1\nTCP: inuse 1 orphan tw 3\n", 2, "orphan"),
    // As pages it is a number, as bytes it is too large.
    ("TCP: inuse 1 mem 4503599627370496\n", 1, "mem"),
    ("UDP: inuse 1 mem 18446744073709551615\n", 1, "mem"),
    ("FRAG: inuse 0 memory\n", 1, "memory"),
    ("FRAG6: inuse 0 memory ?\n", 1, "memory"),
    ("no protocol\n", 1, "protocol"),
    ("sockets: used 1\n\nTCP: inuse 1\n", 2, "protocol"),
    ("\0\0\0\0", 1, "protocol"),
  ])
  func malformed(text: String, line: Int, field: String) {
    #expect(throws: ParseError(file: "net/sockstat", line: line, field: field)) {
      _ = try parse(text)
    }
  }

  @Test func aFailureLeavesWhatWasThere() throws {
    var sockstat = Sockstat()
    sockstat.socketsUsed = 5
    let before = sockstat
    #expect(throws: ParseError.self) {
      try NetSockstat.parse(
        Array("sockets: used 6\nTCP: inuse ?\n".utf8).span, file: "f", pageBytes: 1,
        into: &sockstat)
    }
    #expect(sockstat == before)
  }

  @Test func aHugeLineIsOnlyALine() throws {
    let text = "TCP: " + String(repeating: "inuse 1 ", count: 50_000) + "orphan 2\n"
    #expect(try parse(text).tcpOrphans == 2)
    #expect(throws: ParseError.self) { _ = try parse(String(repeating: "x", count: 500_000)) }
    #expect(throws: ParseError.self) {
      _ = try parse("sockets: used " + String(repeating: "9", count: 500_000))
    }
  }

  @Test(arguments: Host.allCases)
  func everyBeginningIsAValueOrAnError(host: Host) throws {
    let bytes = try host.bytes("net/sockstat")
    forEachBeginning(of: bytes) { beginning in
      switch outcome({ () throws(ParseError) in try parse(beginning) }) {
      case .success: break
      case .failure(let error):
        let line = beginning.filter { $0 == UInt8(ascii: "\n") }.count + 1
        #expect(error.line == line, "the line that is cut")
      }
    }
    // Whole lines are whole values.
    let twoLines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")[..<2]
    #expect(try parse(twoLines.joined(separator: "\n")).tcpAllocated != nil)
  }

  @Test func everyMutationIsAValueOrAnError() throws {
    forEachMutation(of: try Host.linux61.bytes("net/sockstat")) { bytes in
      _ = outcome { () throws(ParseError) in try parse(bytes) }
    }
  }
}
