import Glibc
import SockDiag
import SocketModel
import Testing

/// What each row says, beside what `ss` printed of it.
struct RowTests {
  @Test(arguments: ["rows-ipv4", "rows-ipv6"])
  func socketsAreThoseOfSS(name: String) throws {
    let sockets = try Recording(name).rows { (datagram, row) throws(NetlinkError) in
      try DumpRow.internetSocket(in: datagram, at: row)
    }
    #expect(sockets.count == 19)
    #expect(try sockets.map(textOfSS) == Recording.lines(name).map(withoutWhatIsNotRead))
  }

  /// Within each family the kernel keeps the order in which it tells that family alone.
  @Test func socketsOfBothFamiliesAreThoseOfSS() throws {
    let sockets = try Recording("both-families").rows { (datagram, row) throws(NetlinkError) in
      try DumpRow.internetSocket(in: datagram, at: row)
    }
    let families = AddressFamily.allCases.map { family in sockets.filter { $0.family == family } }
    #expect(families.map(\.count) == [28, 32])
    #expect(
      try families.joined().map(textOfSS)
        == Recording.lines("both-families").map {
          withoutWhatIsNotRead($0).replacing(" *:*", with: " [::]:*")
        })
    // It was one walk, not one after the other.
    #expect(sockets != Array(families.joined()))
  }

  /// The peers of a listener that takes both families.
  @Test func mappedAddressesStayIPv6() throws {
    let sockets = try Recording("mapped-ipv6").rows { (datagram, row) throws(NetlinkError) in
      try DumpRow.internetSocket(in: datagram, at: row)
    }
    let addresses = try Recording.lines("mapped-ipv6").map { line in
      line.split(separator: " ")[3..<5].joined(separator: " ").replacing(" *:*", with: " [::]:*")
    }
    #expect(sockets.allSatisfy { $0.local.family == .ipv6 && $0.remote.family == .ipv6 })
    #expect(
      sockets.map { "\(name($0.local, $0.localPort)) \(name($0.remote, $0.remotePort))" }
        == addresses)
    #expect(addresses.contains { $0.hasPrefix("[::ffff:127.0.0.2]:8080 [::ffff:127.0.0.1]:") })
  }

  /// `ss` was asked before the dump and after it.
  @Test(arguments: ["close-wait-ipv4", "close-wait-ipv6"])
  func agesAreThoseOfSS(name: String) throws {
    let ages = try Recording(name).rows { (datagram, row) throws(NetlinkError) in
      try DumpRow.age(in: datagram, at: row)
    }
    let before = try agesOfSS(name, "before")
    let after = try agesOfSS(name, "after")
    #expect(ages.count == 3)
    #expect(Set(ages.map(\.cookie)) == Set(before.keys))
    for age in ages {
      #expect(try age.sinceLastAckMilliseconds >= #require(before[age.cookie]))
      #expect(try age.sinceLastAckMilliseconds <= #require(after[age.cookie]))
    }
    // They were half closed one after the other.
    let oldestFirst = ages.map(\.sinceLastAckMilliseconds).sorted(by: >)
    #expect(oldestFirst[0] - oldestFirst[1] >= 200 && oldestFirst[1] - oldestFirst[2] >= 200)
  }

  /// Nothing asked for `tcp_info` there; the attributes are others.
  @Test func noAgesWithoutTheExtension() throws {
    for name in ["rows-ipv4", "states-ipv6"] {
      let ages = try Recording(name).rows { (datagram, row) throws(NetlinkError) in
        try DumpRow.age(in: datagram, at: row)
      }
      #expect(ages.isEmpty)
    }
  }

  @Test(arguments: [
    ("udp-ipv4", DumpRow.inet, 3), ("udp-ipv6", .inet, 3), ("unix", .unix, 5),
    ("packet", .packet, 2),
    ("netlink", .netlink, 11), ("rows-ipv6", .inet, 19),
  ])
  func inodesAreThoseOfSS(name: String, format: DumpRow, sockets: Int) throws {
    let inodes = try Recording(name).rows { (datagram, row) throws(NetlinkError) in
      try format.inode(in: datagram, at: row)
    }
    #expect(inodes.count == sockets)
    // The kernel lists a netlink socket that listens to groups twice.
    #expect(try Set(inodes) == Set(Recording.lines(name).compactMap(inode)))
  }

  /// The kernel of the recordings cannot dump raw sockets.
  @Test func aKindThatTheKernelDoesNotHave() {
    #expect(throws: NetlinkError.refused(code: ENOENT)) {
      try Recording("raw-refused").rows { (datagram, row) throws(NetlinkError) in
        try DumpRow.inet.inode(in: datagram, at: row)
      }
    }
  }

  // MARK: The words of `ss`

  private func textOfSS(_ socket: InternetSocket) throws -> String {
    let states = [
      1: "ESTAB", 2: "SYN-SENT", 3: "SYN-RECV", 4: "FIN-WAIT-1", 5: "FIN-WAIT-2", 6: "TIME-WAIT",
      8: "CLOSE-WAIT", 9: "LAST-ACK", 10: "LISTEN", 11: "CLOSING",
    ]
    let timers: [InternetSocket.Timer: String?] = [
      .none: nil, .retransmit: "on", .keepalive: "keepalive", .timeWait: "timewait",
      .probe: "persist",
    ]
    let state = try #require(states[Int(socket.state)])
    let timer = try #require(InternetSocket.Timer(rawValue: socket.timer).flatMap { timers[$0] })
    let words = [
      state, "\(socket.receiveQueue)", "\(socket.sendQueue)",
      name(socket.local, socket.localPort), name(socket.remote, socket.remotePort), timer,
      "ino:\(socket.inode)", "sk:" + String(socket.cookie, radix: 16),
    ]
    return words.compactMap { $0 }.joined(separator: " ")
  }

  private func name(_ address: IPAddress, _ port: UInt16) -> String {
    let text = address.text(port: port)
    return port == 0 ? text.dropLast() + "*" : text
  }

  /// Of a timer only its kind, nothing behind the cookie.
  private func withoutWhatIsNotRead(_ line: Substring) -> String {
    let words = line.split(separator: " ").map { word in
      word.hasPrefix("timer:(") ? word.dropFirst(7).prefix { $0 != "," } : word
    }
    let cookie = words.firstIndex { $0.hasPrefix("sk:") } ?? words.endIndex - 1
    return words[...cookie].joined(separator: " ")
  }

  /// By cookie.
  private func agesOfSS(_ name: String, _ text: String) throws -> [UInt64: UInt32] {
    var ages: [UInt64: UInt32] = [:]
    for line in try Recording.lines(name, text) {
      let words = line.split(separator: " ")
      let cookie = try #require(words.first { $0.hasPrefix("sk:") }).dropFirst(3)
      let age = try #require(words.first { $0.hasPrefix("lastack:") }).dropFirst(8)
      ages[try #require(UInt64(cookie, radix: 16))] = UInt32(age)
    }
    return ages
  }

  /// Of a unix socket the "port", of a netlink socket the third column of /proc/net/netlink.
  private func inode(_ line: Substring) -> UInt32? {
    let words = line.split(separator: " ")
    if let word = words.first(where: { $0.hasPrefix("ino:") }) { return UInt32(word.dropFirst(4)) }
    if words[0].hasPrefix("u_") { return UInt32(words[5]) }
    return words.count == 3 ? UInt32(words[2]) : nil
  }
}
