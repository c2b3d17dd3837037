import Glibc
import LinuxIO
import ProcFS
import SocketModel
import TestSupport
import Testing

struct NetSocketTableTests {
  private typealias Table = NetSocketTable.Table

  private func inodes(_ host: Host, _ table: Table) throws -> [UInt32]? {
    var procfs = try ProcFileSystem(path: host.path)
    return try inodes(&procfs, table)
  }

  /// Nil where there is no such table.
  private func inodes(_ procfs: inout ProcFileSystem, _ table: Table) throws -> [UInt32]? {
    var inodes: [UInt32] = []
    do {
      try procfs.forEachLine(of: table.file) { line, number in
        if let inode = try NetSocketTable.inode(line, number: number, of: table) {
          inodes.append(inode)
        }
      }
    } catch let error as SystemError where error.isGone {
      return nil
    }
    return inodes
  }

  private func parse(
    _ line: String, number: Int = 2, of table: NetSocketTable.Table
  ) throws(ParseError) -> UInt32? {
    try NetSocketTable.inode(Array(line.utf8).span, number: number, of: table)
  }

  @Test func tablesOfEachHost() throws {
    #expect(try inodes(.linux5, .udp) == [19890])
    #expect(try inodes(.linux5, .udp6) == nil)
    #expect(try inodes(.linux5, .udplite) == [])
    #expect(try inodes(.linux5, .raw) == [])
    #expect(
      try inodes(.linux5, .unix) == [
        19597, 19602, 19536, 19626, 19650, 19740, 19751, 19788, 19820, 19852, 20362,
      ])
    #expect(try inodes(.linux5, .netlink) == [20399, 5, 19688, 6, 19563, 7])
    #expect(try inodes(.linux5, .packet) == [])

    #expect(try inodes(.linux61, .udp) == [18811, 18812, 20316, 20345])
    #expect(try inodes(.linux61, .udp6) == [18813, 20320, 0])
    #expect(try inodes(.linux61, .udplite6) == [])
    #expect(try inodes(.linux61, .raw) == [20290])
    #expect(try inodes(.linux61, .raw6) == [18902, 18903])
    #expect(
      try inodes(.linux61, .unix) == [
        19062, 19098, 19112, 19231, 19263, 19555, 19851, 19887, 19926, 20002, 20035, 20049, 20070,
        20081, 20121, 20153, 20163, 18990,
      ])
    #expect(try inodes(.linux61, .netlink) == [19965, 20376, 5, 1013, 6, 19133, 7, 8])
    #expect(try inodes(.linux61, .packet) == [18950])

    #expect(try inodes(.linux618, .udp) == [])
    #expect(try inodes(.linux618, .unix) == [834071, 834072])
    #expect(try inodes(.linux618, .raw) == [834075])
    #expect(try inodes(.linux618, .packet) == [834074])
    #expect(try inodes(.linux618, .netlink)?.count == 8)
  }

  @Test func kindsOfTables() {
    #expect(Table.tables(of: .udp) == [.udp, .udp6, .udplite, .udplite6])
    #expect(Table.tables(of: .raw) == [.raw, .raw6])
    #expect(Table.tables(of: .unix) == [.unix])
    #expect(Table.tables(of: .netlink) == [.netlink])
    #expect(Table.tables(of: .packet) == [.packet])
    for kind in [SocketKind.tcp, .unbound, .other] { #expect(Table.tables(of: kind) == []) }
    #expect(Table.allCases.count == 9)
    for table in Table.allCases {
      #expect(table.file == "net/\(table)")
      #expect(Table.tables(of: table.kind).contains(table))
    }
  }

  /// The kernel that this runs on writes its tables as they are expected to be.
  @Test func socketsOfThisProcessAsTheKernelTells() throws {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let datagram = Int32(SOCK_DGRAM.rawValue)
    let raw = Int32(SOCK_RAW.rawValue)
    let abstract = abstractAddress("a b\nc 00000000: \(getpid())")
    // What there is none of here, or is for root only, is passed over.
    let sockets: [(Table, Int32)] = [
      (.udp, socket(AF_INET, datagram, 0)), (.udplite, socket(AF_INET, datagram, 136)),
      (.udp6, socket(AF_INET6, datagram, 0)), (.udplite6, socket(AF_INET6, datagram, 136)),
      (.raw, socket(AF_INET, raw, 1)), (.raw6, socket(AF_INET6, raw, 58)),
      (.unix, socket(AF_UNIX, datagram, 0)), (.netlink, socket(AF_NETLINK, raw, 0)),
      (.packet, socket(AF_PACKET, raw, 0)),
    ]
    defer { for (_, number) in sockets { close(number) } }
    var procfs = try ProcFileSystem()
    for (table, number) in sockets where number >= 0 {
      switch table {
      case .udp, .udplite:
        #expect(bindAddress(number, &address) == 0)
      case .udp6, .udplite6:
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        guard bindAddress(number, &address) == 0 else { continue }
      case .netlink:
        var address = (sa_family_t(AF_NETLINK), UInt16(0), UInt32(0), UInt32(0))
        #expect(bindAddress(number, &address) == 0)
      case .unix:
        #expect(
          abstract.withUnsafeBytes {
            bind(
              number, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self),
              socklen_t($0.count))
          } == 0)
      case .raw, .raw6, .packet: break
      }
      var status = stat()
      #expect(fstat(number, &status) == 0)
      let inode = UInt32(status.st_ino)
      guard try inodes(&procfs, table) != nil else { continue }
      // A table that is longer than one read can pass a socket over while others are closed.
      try eventually("\(table.file) has the socket") { () throws -> Bool? in
        var procfs = try ProcFileSystem()
        return try inodes(&procfs, table)?.contains(inode) == true ? true : nil
      }
    }
  }

  private func bindAddress<Address>(_ number: Int32, _ address: inout Address) -> Int32 {
    let size = socklen_t(MemoryLayout<Address>.size)
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(number, $0, size) }
    }
  }

  /// The bytes of a sockaddr_un of a name that is no file.
  private func abstractAddress(_ name: String) -> [UInt8] {
    withUnsafeBytes(of: sa_family_t(AF_UNIX)) { Array($0) } + [0] + Array(name.utf8)
  }

  private static let unixHeading = "Num       RefCount Protocol Flags    Type St Inode Path"

  @Test(arguments: [
    ("00000000e199dca3: 00000003 00000000 00000000 0001 03 13072291", UInt32(13_072_291)),
    ("00000000e199dca3: 00000003 00000000 00000000 0001 03   291 /run/a", 291),
    ("00000000e199dca3: 00000003 00000000 00000000 0001 03   291 /run/a b c 4: 5", 291),
    ("00000000e199dca3: 00000003 00000000 00000000 0001 03   291 @", 291),
    ("00000000e199dca3: 00000003 00000000 00000000 0001 03   291 @a@b\u{fffd}", 291),
    // Before there is randomness enough for an address.
    ("(____ptrval____): 00000003 00000000 00000000 0001 03     0", 0),
    ("e199dca3: 00000003 00000000 00000000 0001 03 4294967295", .max),
  ])
  func unixSockets(line: String, inode: UInt32) throws {
    #expect(try parse(line, of: .unix) == inode)
  }

  @Test(arguments: [
    "", " ", "b.sock", "00000000e199dca3", ": ", "x: y z 1 2 3 4", unixHeading,
    "00000000e199dca3: 00000003 00000000 00000000 0001 03", "e199dca3: 3 0 0 1 3 -1",
    "e199dca3 3 0 0 1 3 7", "e199dca3: 3 0 0 1 3 7/run", "e199dca3: 3 0 0 1 3 4294967296",
    "e199dca3: 3 0 0 1 3x 7", "\0: 3 0 0 1 3 7",
  ])
  func theRestOfAPathIsNoSocket(line: String) throws {
    #expect(try parse(line, of: .unix) == nil)
  }

  @Test(arguments: [
    (NetSocketTable.Table.udp, "0: a b 07 0:0 0:0 0 0 0 643 2 p 0", UInt32(643)),
    (.udp6, "0: a b 07 0:0 0:0 0 0 0 0", 0), (.raw, " 255: a b 07 0:0 0:0 0 0 0 4294967295", .max),
    (.netlink, "p 0 -4 0 -1 0 0 2 0 5       ", 5), (.netlink, "p 16 4294962991 0 0 0 0 2 0 7", 7),
    (.packet, "p 3 3 0003 2 1 0 0 18950", 18950),
  ])
  func otherSockets(table: NetSocketTable.Table, line: String, inode: UInt32) throws {
    #expect(try parse(line, of: table) == inode)
  }

  @Test(arguments: [
    (NetSocketTable.Table.udp, ""), (.udp, "0: a b 07 0:0 0:0 0 0 0"),
    (.udp, "0: a b 07 0:0 0:0 0 0 0 x"), (.udp, "0: a b 07 0:0 0:0 0 0 0 -1"),
    (.udp, "0: a b 07 0:0 0:0 0 0 0 1x"), (.udp, "0: a b 07 0:0 0:0 0 0 0 4294967296"),
    (.raw6, "\0"), (.netlink, "p 0 0 0 0 0 0 2 0"), (.netlink, "p 0 0 0 0 0 0 2 0 0x5"),
    (.packet, "p 3 3 0003 2 1 0 0"), (.packet, "p 3 3 0003 2 1 0 0 ?"),
  ])
  func malformed(table: NetSocketTable.Table, line: String) {
    #expect(throws: ParseError(file: table.file, line: 2, field: "inode")) {
      _ = try parse(line, of: table)
    }
  }

  @Test(arguments: NetSocketTable.Table.allCases)
  func theHeadingSaysWhereTheInodeIs(table: NetSocketTable.Table) throws {
    let host = Host.linux61
    let heading = String(try host.text(table.file).prefix { $0 != "\n" })
    #expect(try parse(heading, number: 1, of: table) == nil)
    for heading in ["", "sl", "inode", heading.replacing("node", with: "nodes"), "x " + heading] {
      #expect(throws: ParseError(file: table.file, line: 1, field: "heading")) {
        _ = try parse(heading, number: 1, of: table)
      }
    }
  }

  @Test(arguments: NetSocketTable.Table.allCases)
  func everyBeginningIsAValueOrAnError(table: NetSocketTable.Table) throws {
    for (index, line) in try Host.linux61.text(table.file).split(separator: "\n").enumerated() {
      forEachBeginning(of: Array(line.utf8)) { beginning in
        let result = outcome { () throws(ParseError) in
          try NetSocketTable.inode(beginning.span, number: index + 1, of: table)
        }
        if case .failure(let error) = result { #expect(error.line == index + 1) }
      }
    }
  }

  @Test(arguments: NetSocketTable.Table.allCases)
  func everyMutationIsAValueOrAnError(table: NetSocketTable.Table) throws {
    let lines = try Host.linux61.text(table.file).split(separator: "\n").prefix(2)
    for (index, line) in lines.enumerated() {
      forEachMutation(of: Array(line.utf8)) { bytes in
        _ = outcome { () throws(ParseError) in
          try NetSocketTable.inode(bytes.span, number: index + 1, of: table)
        }
      }
    }
  }
}
