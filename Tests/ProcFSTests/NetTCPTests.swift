import LinuxIO
import ProcFS
import SocketModel
import Testing

struct NetTCPTests {
  private func sockets(_ host: Host, _ file: String) throws -> [InternetSocket] {
    var procfs = try ProcFileSystem(path: host.path)
    var sockets: [InternetSocket] = []
    try procfs.forEachLine(of: file) { (line, number) in
      let family: AddressFamily = file == "net/tcp6" ? .ipv6 : .ipv4
      if let socket = try NetTCP.parse(line, number: number, file: file, family: family) {
        sockets.append(socket)
      }
    }
    return sockets
  }

  /// Counts a file's sockets by state.
  private func count(_ host: Host, _ file: String) throws -> [TCPState: Int] {
    var counts: [TCPState: Int] = [:]
    for socket in try sockets(host, file) {
      counts[try #require(TCPState(kernelNumber: socket.state)), default: 0] += 1
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

  @Test func timersAndInodesOfEachHost() throws {
    // awk 'FNR>1{split($6,a,":"); t[a[1]]++; if (!$10) z++; s+=$10} END{for(k in t) print k, t[k]; print z, s}'
    func sums(_ host: Host, _ file: String) throws -> ([UInt8: Int], none: Int, inodes: Int) {
      let sockets = try sockets(host, file)
      return (
        sockets.reduce(into: [:]) { $0[$1.timer, default: 0] += 1 },
        sockets.count { $0.inode == 0 }, sockets.reduce(0) { $0 + Int($1.inode) }
      )
    }
    func timers(_ counts: [InternetSocket.Timer: Int]) -> [UInt8: Int] {
      Dictionary(uniqueKeysWithValues: counts.map { ($0.key.rawValue, $0.value) })
    }
    #expect(
      try sums(.linux5, "net/tcp")
        == (timers([.none: 17, .retransmit: 7, .keepalive: 5, .timeWait: 6]), 12, 461_659))
    #expect(
      try sums(.linux61, "net/tcp")
        == (timers([.none: 14, .retransmit: 7, .keepalive: 6, .timeWait: 11]), 18, 393_274))
    #expect(
      try sums(.linux618, "net/tcp")
        == (timers([.none: 32, .retransmit: 5, .timeWait: 8, .probe: 4]), 11, 31_716_994))
    #expect(
      try sums(.linux618, "net/tcp6")
        == (timers([.none: 31, .retransmit: 5, .timeWait: 8, .probe: 4]), 11, 30_881_489))
  }

  @Test func everyPeerOfARecordedConnectionIsThere() throws {
    // Each connection of the recorded host has both its ends there.
    for file in ["net/tcp", "net/tcp6"] {
      let sockets = try sockets(.linux618, file)
      for socket in sockets where TCPState(kernelNumber: socket.state) == .established {
        #expect(
          sockets.contains {
            ($0.local, $0.localPort) == (socket.remote, socket.remotePort)
              && ($0.remote, $0.remotePort) == (socket.local, socket.localPort)
          })
      }
    }
  }

  @Test func aHostWithoutIPv6HasNoSuchFile() throws {
    let error = #expect(throws: SystemError.self) { _ = try count(.linux5, "net/tcp6") }
    #expect(error?.isGone == true)
  }

  private func parse(
    _ line: String, number: Int = 2, family: AddressFamily = .ipv4
  ) throws(ParseError) -> InternetSocket? {
    try NetTCP.parse(Array(line.utf8).span, number: number, file: "net/tcp", family: family)
  }

  /// What a line would say of an address and a port, on this machine: a packet's bytes, as numbers of
  /// the machine's own order.
  private func endpoint(_ bytes: [UInt8], _ port: String) -> String {
    var text = ""
    for start in stride(from: 0, to: bytes.count, by: 4) {
      var word: UInt32 = 0
      for byte in bytes[start..<start + 4] { word = word << 8 | UInt32(byte) }
      let digits = String(word.bigEndian, radix: 16, uppercase: true)
      text += String(repeating: "0", count: 8 - digits.count) + digits
    }
    return text + ":" + port
  }

  @Test func everythingALineTells() throws {
    let line =
      "  17: \(endpoint([10, 0, 2, 15], "1F90")) \(endpoint([203, 0, 113, 254], "C350")) 08 "
      + "00000102:0000FFFE 02:000AFC80 00000003  1000        5 20080 2 00000000f57fd19b 20 4 30 10 -1"
    #expect(
      try parse(line)
        == InternetSocket(
          family: .ipv4, state: 8, timer: 2, localPort: 8080, remotePort: 50000,
          local: IPAddress(ipv4: 0x0a00_020f), remote: IPAddress(ipv4: 0xcb00_71fe),
          receiveQueue: 0xfffe, sendQueue: 0x102, inode: 20080, cookie: 0))
  }

  #if _endian(little)
    @Test(arguments: [
      ("00000000", "0.0.0.0"), ("0100007F", "127.0.0.1"), ("0F02000A", "10.0.2.15"),
      ("FFFFFFFF", "255.255.255.255"),
      ("00000000000000000000000000000000", "::"), ("00000000000000000000000001000000", "::1"),
      ("0000000000000000FFFF00000100007F", "::ffff:127.0.0.1"),
      ("B80D01200000000067452301EFCDAB89", "2001:db8::123:4567:89ab:cdef"),
      ("000080FE00000000FF005450B6AD1DFE", "fe80::5054:ff:fe1d:adb6"),
    ])
    func addressesOfALittleEndianKernel(digits: String, text: String) throws {
      let family: AddressFamily = digits.utf8.count == 8 ? .ipv4 : .ipv6
      let line = "0: \(digits):0001 \(digits):FFFF 01 0:0 0:0 0 0 0 1"
      let socket = try #require(try parse(line, family: family))
      #expect(socket.local.text == text && socket.remote.text == text)
      #expect(socket.local.family == family && socket.family == family)
      #expect(socket.localPort == 1 && socket.remotePort == 65535)
    }
  #endif

  @Test func connectionsThatWaitForAccept() throws {
    let listeners = try sockets(.linux61, "net/tcp").filter { $0.state == 10 }
    #expect(listeners.map(\.localPort) == [22, 80, 10248])
    #expect(listeners.map(\.receiveQueue) == [0, 12, 0])
  }

  private static let beginning = "0: 0100007F:1F90 0200007F:C350"
  private static let end = "00000000:00000000 00:00000000 00000000     0        0 643"

  @Test(arguments: [
    ("01", UInt8(1)), ("02", 2), ("0A", 10), ("0a", 10), ("0B", 11), ("0C", 12), ("8", 8),
    // None of TCP's: for the caller to judge.
    ("00", 0), ("0D", 13), ("FF", 255),
  ])
  func everyState(number: String, state: UInt8) throws {
    let socket = try parse("   \(Self.beginning) \(number) \(Self.end)")
    #expect(socket?.state == state)
    // Everything behind the inode is of no concern, be it missing or new.
    #expect(try parse("\(Self.beginning) \(number) \(Self.end) x y z -1 \u{fffd}") == socket)
    #expect(try parse("12345\(Self.beginning)\t\(number)   \(Self.end)\t") == socket)
  }

  @Test func theHeadingIsTheFirstLineOnly() throws {
    let heading = "  sl  local_address rem_address   st tx_queue rx_queue"
    #expect(try parse(heading, number: 1) == nil)
    #expect(throws: ParseError(file: "net/tcp", line: 2, field: "sl")) { _ = try parse(heading) }
    #expect(try parse("   \(Self.beginning) 01 \(Self.end)", number: 1)?.inode == 643)
  }

  private static let a = "0100007F:1F90"

  @Test(arguments: [
    ("", "sl"), ("\0", "sl"), ("x", "sl"), ("0", "sl"), (" 0 :", "sl"), ("-1: \(a) \(a) 01", "sl"),
    ("18446744073709551616: \(a) \(a) 01", "sl"),
    ("0:", "local_address"), ("0:   ", "local_address"), ("0: 0100007F", "local_address"),
    ("0: 0100007:1F90 \(a) 01", "local_address"), ("0: 0100007F0:1F90 \(a) 01", "local_address"),
    ("0: 0100007G:1F90 \(a) 01", "local_address"), ("0: 0100007F: \(a)", "local_address"),
    ("0: 0100007F:10000 \(a) 01", "local_address"), ("0: 0100007F:1F9x \(a)", "local_address"),
    ("0: 00000000000000000000000001000000:1F90 \(a) 01", "local_address"),
    ("0: +100007F:1F90 \(a) 01", "local_address"), ("0: 0100007F;1F90 \(a)", "local_address"),
    ("0: \(a)", "rem_address"), ("0: \(a) ", "rem_address"), ("0: \(a) x", "rem_address"),
    ("0: \(a) \(a)", "st"), ("0: \(a) \(a) ", "st"), ("0: \(a) \(a) 100 ", "st"),
    ("0: \(a) \(a) -1", "st"), ("0: \(a) \(a) G", "st"), ("0: \(a) \(a) 01x", "st"),
    ("0: \(a) \(a) 01:", "st"), ("0: \(a) \(a) 10000000000000001", "st"),
    ("0: \(a) \(a) \0 01", "st"),
    ("0: \(a) \(a) 01", "tx_queue"), ("0: \(a) \(a) 01 0 ", "tx_queue"),
    ("0: \(a) \(a) 01 :0", "tx_queue"), ("0: \(a) \(a) 01 100000000:0", "tx_queue"),
    ("0: \(a) \(a) 01 0:", "rx_queue"), ("0: \(a) \(a) 01 0:x", "rx_queue"),
    ("0: \(a) \(a) 01 0:0:", "rx_queue"), ("0: \(a) \(a) 01 0:100000000 ", "rx_queue"),
    ("0: \(a) \(a) 01 0:0", "tr"), ("0: \(a) \(a) 01 0:0 00", "tr"),
    ("0: \(a) \(a) 01 0:0 100:0", "tr"), ("0: \(a) \(a) 01 0:0 x:0", "tr"),
    ("0: \(a) \(a) 01 0:0 0:", "tm->when"), ("0: \(a) \(a) 01 0:0 0:0", "retrnsmt"),
    ("0: \(a) \(a) 01 0:0 0:0 0", "uid"), ("0: \(a) \(a) 01 0:0 0:0 0 0", "timeout"),
    ("0: \(a) \(a) 01 0:0 0:0 0 0 0", "inode"), ("0: \(a) \(a) 01 0:0 0:0 0 0 0 x", "inode"),
    ("0: \(a) \(a) 01 0:0 0:0 0 0 0 -1", "inode"), ("0: \(a) \(a) 01 0:0 0:0 0 0 0 1x", "inode"),
    ("0: \(a) \(a) 01 0:0 0:0 0 0 0 4294967296", "inode"),
  ])
  func malformed(line: String, field: String) {
    #expect(throws: ParseError(file: "net/tcp", line: 2, field: field)) { _ = try parse(line) }
  }

  @Test func theFamilyTellsHowLongAnAddressIs() {
    #expect(throws: ParseError(file: "net/tcp", line: 2, field: "local_address")) {
      _ = try parse("\(Self.beginning) 01 \(Self.end)", family: .ipv6)
    }
  }

  @Test func aHugeLineIsOnlyALine() throws {
    let long = String(repeating: "A", count: 300_000)
    let line = "\(Self.beginning) 08 0:0 0:\(long) \(long) \(long) \(long) 1 \(long)"
    #expect(try parse(line)?.inode == 1)
    for line in [long, "0: " + long, "\(Self.beginning) " + long] {
      #expect(throws: ParseError.self) { _ = try parse(line) }
    }
  }

  @Test(arguments: [Host.linux61, .linux618], ["net/tcp", "net/tcp6"])
  func everyBeginningIsAValueOrAnError(host: Host, file: String) throws {
    let family: AddressFamily = file == "net/tcp6" ? .ipv6 : .ipv4
    for line in try host.text(file).split(separator: "\n").dropFirst() {
      let whole = try #require(try parse(String(line), family: family))
      let inodeEnd = line.utf8.endOfInode
      forEachBeginning(of: Array(line.utf8)) { beginning in
        let result = outcome { () throws(ParseError) in
          try NetTCP.parse(beginning.span, number: 2, file: file, family: family)
        }
        switch result {
        case .success(var socket):
          // Of a number that is cut nobody can tell.
          if beginning.count < inodeEnd { socket?.inode = whole.inode }
          #expect(socket == whole)
        case .failure(let error):
          #expect(error.file == file)
          #expect(beginning.count < inodeEnd)
        }
      }
    }
  }

  @Test func everyMutationIsAValueOrAnError() throws {
    for file in ["net/tcp", "net/tcp6"] {
      for line in try Host.linux61.text(file).split(separator: "\n").prefix(3) {
        for number in 1...2 {
          forEachMutation(of: Array(line.utf8)) { bytes in
            for family in AddressFamily.allCases {
              _ = outcome { () throws(ParseError) in
                try NetTCP.parse(bytes.span, number: number, file: file, family: family)
              }
            }
          }
        }
      }
    }
  }
}

extension Substring.UTF8View {
  /// Where the tenth word, the inode, ends.
  fileprivate var endOfInode: Int {
    var words = 0
    var inWord = false
    for (offset, byte) in enumerated() {
      if byte == UInt8(ascii: " ") {
        if inWord { words += 1 }
        if words == 10 { return offset }
        inWord = false
      } else {
        inWord = true
      }
    }
    return count
  }
}
