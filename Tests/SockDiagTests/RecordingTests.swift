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

  @Test func anotherRequestsAnswerIsPassedOver() throws {
    var reading = Reading()
    for datagram in try Recording("states-ipv6").datagrams {
      try reading.read(datagram, sequence: 2)
    }
    #expect(reading == Reading())
  }

  @Test(arguments: ["states-ipv4", "states-ipv6", "mapped-ipv6", "no-handler"])
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

  @Test(arguments: ["states-ipv4", "mapped-ipv6", "many-ipv4"])
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

  @Test func anyByteMayBeAnything() throws {
    for datagram in try Recording("states-ipv6").datagrams.suffix(2)
      + Recording("no-handler")
      .datagrams
    {
      for position in datagram.indices {
        for value: UInt8 in [0, 1, 2, 3, 4, 16, 20, 0x7f, 0x80, 0xff] {
          var mutated = datagram
          mutated[position] = value
          expectTotal(mutated)
        }
      }
    }
  }

  /// Whatever the bytes: an answer or an error, and no more sockets than there is room for.
  private func expectTotal(_ datagram: [UInt8]) {
    var reading = Reading()
    do throws(NetlinkError) {
      try reading.read(datagram)
    } catch {
      switch error {
      case .malformed(let offset): #expect(offset >= 0 && offset <= datagram.count)
      case .refused(let code): #expect(code != 0)
      case .overrun, .interrupted: break
      default: Issue.record("\(error) from bytes alone")
      }
    }
    #expect(reading.sockets.count <= datagram.count / 88)
  }
}
