import LinuxIO
import ProcFS
import SocketModel
import Testing

struct NetTCPTests {
  /// Counts a file's sockets by state, as far as there is such a file.
  private func count(_ host: Host, _ file: String) throws -> [TCPState: Int] {
    var procfs = try ProcFileSystem(path: host.path)
    var counts: [TCPState: Int] = [:]
    try procfs.forEachLine(of: file) { (line, number) in
      if let state = try NetTCP.parseState(line, number: number, file: file) {
        counts[state, default: 0] += 1
      }
    }
    return counts
  }

  @Test func statesOfEachHost() throws {
    #expect(
      try count(.linux5, "net/tcp") == [
        .established: 12, .synSent: 1, .synReceived: 2, .finWait1: 1, .finWait2: 2, .timeWait: 5,
        .closeWait: 7, .lastAck: 1, .listen: 3, .closing: 1,
      ])
    #expect(
      try count(.linux61, "net/tcp") == [
        .established: 17, .synReceived: 3, .finWait2: 1, .timeWait: 11, .close: 1, .lastAck: 1,
        .listen: 3, .closing: 1,
      ])
    #expect(
      try count(.linux61, "net/tcp6") == [
        .established: 10, .synSent: 1, .synReceived: 1, .finWait1: 1, .finWait2: 1, .timeWait: 5,
        .closeWait: 2, .lastAck: 1, .listen: 3,
      ])
    var recorded: [TCPState: Int] = [
      .established: 12, .synSent: 2, .synReceived: 3, .finWait1: 1, .finWait2: 10, .timeWait: 6,
      .closeWait: 7, .lastAck: 2, .listen: 5, .closing: 1,
    ]
    #expect(try count(.linux618, "net/tcp") == recorded)
    recorded[.listen] = 4
    #expect(try count(.linux618, "net/tcp6") == recorded)
  }

  @Test func aHostWithoutIPv6HasNoSuchFile() throws {
    let error = #expect(throws: SystemError.self) { _ = try count(.linux5, "net/tcp6") }
    #expect(error?.isGone == true)
  }

  private func parse(_ line: String, number: Int = 2) throws(ParseError) -> TCPState? {
    try NetTCP.parseState(Array(line.utf8).span, number: number, file: "net/tcp")
  }

  private static let addresses = "0100007F:1F90 0200007F:C350"

  @Test(arguments: [
    ("01", TCPState.established), ("02", .synSent), ("03", .synReceived), ("04", .finWait1),
    ("05", .finWait2), ("06", .timeWait), ("07", .close), ("08", .closeWait), ("09", .lastAck),
    ("0A", .listen), ("0a", .listen), ("0B", .closing), ("0C", .synReceived), ("8", .closeWait),
  ])
  func everyState(number: String, state: TCPState) throws {
    #expect(try parse("   0: \(Self.addresses) \(number) 00000000:00000000 00:00000000") == state)
    // Everything behind the state is of no concern, be it missing or new.
    #expect(try parse("0: \(Self.addresses) \(number)") == state)
    #expect(try parse("123456: \(Self.addresses) \(number)\tx y z -1 \u{fffd}") == state)
  }

  @Test func theHeadingIsTheFirstLineOnly() throws {
    let heading = "  sl  local_address rem_address   st tx_queue rx_queue"
    #expect(try parse(heading, number: 1) == nil)
    #expect(throws: ParseError(file: "net/tcp", line: 2, field: "sl")) { _ = try parse(heading) }
    #expect(try parse("   0: \(Self.addresses) 01", number: 1) == .established)
  }

  @Test(arguments: [
    ("", "sl"), ("\0", "sl"), ("x", "sl"), ("0", "sl"), (" 0 :", "sl"), ("-1: a b 01", "sl"),
    ("18446744073709551616: a b 01", "sl"),
    ("0:", "local_address"), ("0:   ", "local_address"),
    ("0: a", "rem_address"), ("0: a ", "rem_address"),
    ("0: a b", "st"), ("0: a b ", "st"), ("0: a b 0", "st"), ("0: a b 00", "st"),
    ("0: a b 0D", "st"), ("0: a b 0E", "st"), ("0: a b FF", "st"), ("0: a b 100", "st"),
    ("0: a b 101", "st"), ("0: a b -1", "st"), ("0: a b G", "st"), ("0: a b 01x", "st"),
    ("0: a b 01:", "st"), ("0: a b 10000000000000001", "st"), ("0: a b \0 01", "st"),
  ])
  func malformed(line: String, field: String) {
    #expect(throws: ParseError(file: "net/tcp", line: 2, field: field)) { _ = try parse(line) }
  }

  @Test func aHugeLineIsOnlyALine() throws {
    let long = String(repeating: "A", count: 300_000)
    #expect(try parse("0: \(long) \(long) 08 \(long)") == .closeWait)
    #expect(throws: ParseError.self) { _ = try parse("0: a b " + long) }
  }

  @Test(arguments: [Host.linux61, .linux618], ["net/tcp", "net/tcp6"])
  func everyBeginningIsAValueOrAnError(host: Host, file: String) throws {
    // A line of each state, cut everywhere: once the state is there, it is that state.
    for line in try host.text(file).split(separator: "\n").dropFirst() {
      let bytes = Array(line.utf8)
      let whole = try parse(String(line))
      let stateEnd = line.utf8.endOfState
      forEachBeginning(of: bytes) { beginning in
        let result = outcome { () throws(ParseError) in
          try NetTCP.parseState(beginning.span, number: 2, file: file)
        }
        switch result {
        case .success(let state):
          #expect(state == whole)
          #expect(beginning.count >= stateEnd)
        case .failure(let error):
          #expect(error.file == file)
          #expect(beginning.count < stateEnd)
        }
      }
    }
  }

  @Test func everyMutationIsAValueOrAnError() throws {
    for line in try Host.linux61.text("net/tcp").split(separator: "\n").prefix(3) {
      for number in 1...2 {
        forEachMutation(of: Array(line.utf8)) { bytes in
          _ = outcome { () throws(ParseError) in
            try NetTCP.parseState(bytes.span, number: number, file: "net/tcp")
          }
        }
      }
    }
  }
}

extension Substring.UTF8View {
  /// Where the fourth word, the state, ends.
  fileprivate var endOfState: Int {
    var words = 0
    var inWord = false
    for (offset, byte) in enumerated() {
      if byte == UInt8(ascii: " ") {
        if inWord { words += 1 }
        if words == 4 { return offset }
        inWord = false
      } else {
        inWord = true
      }
    }
    return count
  }
}
