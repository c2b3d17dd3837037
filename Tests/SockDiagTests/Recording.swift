import LinuxIO
import SockDiag
import SocketModel
import TestSupport

/// A recorded dump: the datagrams, and how many sockets of each state `ss` printed at the time. See
/// `Tests/Fixtures/sockdiag/README.md`.
struct Recording {
  let datagrams: [[UInt8]]
  /// The answers carry the number of the request.
  static let sequence: UInt32 = 1

  init(_ name: String) throws {
    let bytes = try Fixtures.bytes("sockdiag/\(name).bin")
    var datagrams: [[UInt8]] = []
    var position = 0
    while position < bytes.count {
      let length = bytes[position..<position + 4].reversed().reduce(0) { $0 << 8 | Int($1) }
      datagrams.append(Array(bytes[position + 4..<position + 4 + length]))
      position += 4 + length
    }
    self.datagrams = datagrams
  }

  /// The lines of the text beside it.
  static func lines(_ name: String, _ text: String = "txt") throws -> [Substring] {
    String(decoding: try Fixtures.bytes("sockdiag/\(name).\(text)"), as: UTF8.self)
      .split(separator: "\n")
  }

  /// What `read` makes of each row, nil left out.
  func rows<Row>(
    _ read: (_ datagram: Span<UInt8>, _ row: Range<Int>) throws(NetlinkError) -> Row?
  ) throws(NetlinkError) -> [Row] {
    var rows: [Row] = []
    for datagram in datagrams {
      _ = try DumpReply.read(datagram.span, sequence: Self.sequence) {
        (datagram, row) throws(NetlinkError) in
        if let value = try read(datagram, row) { rows.append(value) }
      }
    }
    return rows
  }

  static func countsOfSS(_ name: String, _ family: AddressFamily) throws -> TCPSocketCounts {
    let states: [Substring: TCPState] = [
      "ESTAB": .established, "SYN-SENT": .synSent, "SYN-RECV": .synReceived,
      "FIN-WAIT-1": .finWait1, "FIN-WAIT-2": .finWait2, "TIME-WAIT": .timeWait, "UNCONN": .close,
      "CLOSE-WAIT": .closeWait, "LAST-ACK": .lastAck, "LISTEN": .listen, "CLOSING": .closing,
    ]
    var counts = TCPSocketCounts()
    for line in try lines(name) {
      let name = line.prefix { $0 != " " }
      guard let state = states[name] else { throw TestError.unknownState(String(name)) }
      counts[state, family] += 1
    }
    return counts
  }

  enum TestError: Error { case unknownState(String) }
}

/// What a datagram, or one after another, says of internet sockets.
struct Reading: Equatable {
  var sockets: [InternetSocket] = []
  var progress = DumpReply.Progress.more

  mutating func read(
    _ datagram: [UInt8], sequence: UInt32 = Recording.sequence
  ) throws(NetlinkError) {
    progress = try DumpReply.read(datagram.span, sequence: sequence) {
      (datagram, row) throws(NetlinkError) in
      if let socket = try DumpRow.internetSocket(in: datagram, at: row) { sockets.append(socket) }
    }
  }

  /// TCP sockets by state, those in a state that TCP does not have passed over.
  var counts: TCPSocketCounts {
    var counts = TCPSocketCounts()
    for socket in sockets {
      guard let state = TCPState(kernelNumber: socket.state) else { continue }
      counts[state, socket.family] += 1
    }
    return counts
  }
}

/// Where the messages of a well-formed datagram begin, and where the last one ends.
func boundaries(of datagram: [UInt8]) -> [Int] {
  var boundaries = [0]
  while let position = boundaries.last, position < datagram.count {
    let length = datagram[position..<position + 4].reversed().reduce(0) { $0 << 8 | Int($1) }
    boundaries.append(position + (length + 3) / 4 * 4)
  }
  return boundaries
}
