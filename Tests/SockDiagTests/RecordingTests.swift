import Glibc
import SockDiag
import SocketModel
import Testing

struct RecordingTests {
  @Test(arguments: [
    ("empty-ipv4", AddressFamily.ipv4, 0),
    ("states-ipv4", .ipv4, 36),
    ("states-ipv6", .ipv6, 68),
    ("mapped-ipv6", .ipv6, 77),
    ("many-ipv4", .ipv4, 536),
  ])
  func countsAreThoseOfSS(name: String, family: AddressFamily, sockets: Int) throws {
    let recording = try Recording(name)
    var reading = Reading()
    for datagram in recording.datagrams.dropLast() {
      try reading.read(datagram)
      #expect(reading.progress == .more)
    }
    try reading.read(#require(recording.datagrams.last))
    #expect(reading.progress == .complete)
    #expect(try reading.counts == Recording.countsOfSS(name, family))
    #expect(reading.sockets.count == sockets)
  }

  /// Asked for every state there is, the kernel adds a socket that is bound and nothing else. It says
  /// CLOSE of it; `ss` does not print it, and the exporter does not ask for it.
  @Test func boundSocketsAreCloseWhereTheyAreAskedFor() throws {
    var reading = Reading()
    for datagram in try Recording("every-state-ipv4").datagrams { try reading.read(datagram) }
    var expected = try Recording.countsOfSS("every-state-ipv4", .ipv4)
    expected[.close, .ipv4] = 1
    #expect(reading.counts == expected)
  }

  /// The kernel does not refuse a dump by NLMSG_ERROR but in the payload of its end.
  @Test func aRefusalAtTheEnd() throws {
    let recording = try Recording("no-handler")
    #expect(recording.datagrams.count == 1)
    #expect(throws: NetlinkError.refused(code: ENOENT)) {
      var reading = Reading()
      try reading.read(recording.datagrams[0])
    }
  }

  /// What the kernel says to a request of a type that it does not know.
  @Test func aRefusalAtTheBeginning() throws {
    let recording = try Recording("unknown-request")
    #expect(recording.datagrams.count == 1)
    #expect(throws: NetlinkError.refused(code: EINVAL)) {
      var reading = Reading()
      try reading.read(recording.datagrams[0])
    }
  }

  @Test func anotherRequestsAnswerIsPassedOver() throws {
    var reading = Reading()
    for datagram in try Recording("states-ipv6").datagrams {
      try reading.read(datagram, sequence: 2)
    }
    #expect(reading == Reading())
  }

  @Test(arguments: [
    "states-ipv4", "states-ipv6", "mapped-ipv6", "both-families", "no-handler", "unknown-request",
  ])
  func datagramsCutAnywhere(name: String) throws {
    for datagram in try Recording(name).datagrams {
      let boundaries = boundaries(of: datagram)
      for count in datagram.indices {
        let beginning = Array(datagram[..<count])
        let whole = boundaries.lastIndex { $0 <= count } ?? 0
        var reading = Reading()
        if boundaries[whole] == count {
          try reading.read(beginning)
          #expect(reading.progress == .more)
        } else {
          #expect(throws: NetlinkError.malformed(offset: boundaries[whole])) {
            try reading.read(beginning)
          }
        }
        // Every message before the cut was counted, and nothing else.
        #expect(reading.sockets.count == whole)
      }
    }
  }

  @Test(arguments: ["states-ipv4", "mapped-ipv6", "both-families", "netlink", "unix"])
  func anyBitOfALengthMayFlip(name: String) throws {
    for datagram in try Recording(name).datagrams {
      for boundary in boundaries(of: datagram).dropLast().prefix(20) {
        for bit in 0..<32 {
          var flipped = datagram
          flipped[boundary + bit / 8] ^= 1 << (bit % 8)
          expectTotal(flipped)
        }
      }
    }
  }

  @Test(arguments: [
    "udp-ipv6", "close-wait-ipv4", "unix", "netlink", "packet", "no-handler", "unknown-request",
  ])
  func anyByteMayBeAnything(name: String) throws {
    for datagram in try Recording(name).datagrams {
      for position in datagram.indices {
        for value: UInt8 in [0, 1, 2, 3, 4, 16, 20, 0x7f, 0x80, 0xff] {
          var mutated = datagram
          mutated[position] = value
          expectTotal(mutated)
        }
      }
    }
  }

  @Test(arguments: [
    "close-wait-ipv6", "rows-ipv4", "both-families", "unix", "netlink", "packet",
  ])
  func manyBytesMayBeAnything(name: String) throws {
    var random = SplitMix(state: 1)
    for datagram in try Recording(name).datagrams {
      for _ in 0..<500 {
        var mutated = datagram
        for _ in 0..<Int.random(in: 1...8, using: &random) {
          mutated[Int.random(in: mutated.indices, using: &random)] = .random(
            in: 0...255, using: &random)
        }
        expectTotal(Array(mutated.prefix(Int.random(in: 0...mutated.count, using: &random))))
      }
    }
  }

  /// Whatever the bytes and whatever they are taken for: an answer or an error, and no more sockets
  /// than there is room for.
  private func expectTotal(_ datagram: [UInt8]) {
    expectTotal(datagram, leastBytes: 88) { (datagram, row) throws(NetlinkError) in
      _ = try DumpRow.internetSocket(in: datagram, at: row)
    }
    expectTotal(datagram, leastBytes: 88) { (datagram, row) throws(NetlinkError) in
      _ = try DumpRow.age(in: datagram, at: row)
    }
    for (format, bytes) in [(DumpRow.inet, 72), (.unix, 16), (.netlink, 28), (.packet, 16)] {
      expectTotal(datagram, leastBytes: 16 + bytes) { (datagram, row) throws(NetlinkError) in
        _ = try format.inode(in: datagram, at: row)
      }
    }
  }

  private func expectTotal(
    _ datagram: [UInt8], leastBytes: Int,
    _ read: (_ datagram: Span<UInt8>, _ row: Range<Int>) throws(NetlinkError) -> Void
  ) {
    var sockets = 0
    do throws(NetlinkError) {
      _ = try DumpReply.read(datagram.span, sequence: Recording.sequence) {
        (datagram, row) throws(NetlinkError) in
        try read(datagram, row)
        sockets += 1
      }
    } catch {
      switch error {
      case .malformed(let offset): #expect(offset >= 0 && offset <= datagram.count)
      case .refused(let code): #expect(code != 0)
      case .overrun, .interrupted: break
      default: Issue.record("\(error) from bytes alone")
      }
    }
    #expect(sockets <= datagram.count / leastBytes)
  }

  /// Steele, Lea and Flood: the same bytes in each run.
  private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9e37_79b9_7f4a_7c15
      var z = state
      z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
      return z ^ z >> 31
    }
  }
}
