package import LinuxIO
package import SocketModel

/// The tables of sockets in `/proc/net` of which nothing but the inode numbers is taken: they tell of
/// a descriptor's socket what kind it is (proc_net(5)). TCP has more to tell; see `NetTCP`.
package enum NetSocketTable {
  /// One of the files. The kernel leaves out those of protocols that it was built without.
  package enum Table: String, CaseIterable, Sendable {
    case udp = "net/udp"
    case udp6 = "net/udp6"
    case udplite = "net/udplite"
    case udplite6 = "net/udplite6"
    case raw = "net/raw"
    case raw6 = "net/raw6"
    case unix = "net/unix"
    case netlink = "net/netlink"
    case packet = "net/packet"

    /// Below the mount point of proc.
    package var file: String { rawValue }

    /// What the sockets in it are.
    package var kind: SocketKind {
      switch self {
      case .udp, .udp6, .udplite, .udplite6: .udp
      case .raw, .raw6: .raw
      case .unix: .unix
      case .netlink: .netlink
      case .packet: .packet
      }
    }

    /// Those that hold sockets of a kind; none for a kind that is in other files or in none.
    package static func tables(of kind: SocketKind) -> [Table] {
      allCases.filter { $0.kind == kind }
    }

    /// How many words stand before the inode: in the heading, and in every other line. Those of
    /// internet sockets differ, for the heading has two words where a line joins two numbers.
    fileprivate var wordsBeforeInode: (heading: Int, row: Int) {
      switch self {
      // net/ipv4/udp.c, net/ipv6/udp.c (udp6_seq_show), net/ipv4/raw.c, net/ipv6/raw.c
      case .udp, .udp6, .udplite, .udplite6, .raw, .raw6: (11, 9)
      // net/unix/af_unix.c
      case .unix: (6, 6)
      // net/netlink/af_netlink.c
      case .netlink: (9, 9)
      // net/packet/af_packet.c
      case .packet: (8, 8)
      }
    }
  }

  /// The inode number of the socket that a line tells of: what the links of its descriptors name, 0
  /// where no process holds it. Nil for the heading in line 1.
  ///
  /// The path of a Unix socket is printed as it is: any user can put a newline into one. A line of
  /// `net/unix` that does not look like a socket is therefore taken for the rest of a path and is
  /// nil, never an error. One that was made to look like a socket cannot be told from a true one.
  /// - Throws: `ParseError` where line 1 is no heading with the inode in its place, or where another
  ///   line has no inode number there.
  package static func inode(
    _ line: Span<UInt8>, number: Int, of table: Table
  ) throws(ParseError) -> UInt32? {
    var position = 0
    if number == 1 {
      for _ in 0..<table.wordsBeforeInode.heading { _ = line.skipWord(at: &position) }
      line.skipSpaces(at: &position)
      guard line.skip("inode", at: &position) || line.skip("Inode", at: &position),
        line.isWordEnd(position)
      else {
        throw ParseError(file: table.file, line: number, field: "heading")
      }
      return nil
    }
    if table == .unix, !looksLikeUnixSocket(line) { return nil }
    for _ in 0..<table.wordsBeforeInode.row { _ = line.skipWord(at: &position) }
    line.skipSpaces(at: &position)
    guard let value = line.decimal(at: &position), line.isWordEnd(position),
      let inode = UInt32(exactly: value)
    else {
      throw ParseError(file: table.file, line: number, field: "inode")
    }
    return inode
  }

  /// Whether a line is like `00000000e199dca3: 00000003 00000000 00000000 0001 03 13072291`. The first
  /// word is an address or what the kernel writes instead of one, and tells nothing.
  private static func looksLikeUnixSocket(_ line: Span<UInt8>) -> Bool {
    var position = 0
    guard line.skipWord(at: &position), line[position - 1] == UInt8(ascii: ":") else {
      return false
    }
    // RefCount, Protocol, Flags, Type, St.
    for _ in 0..<5 {
      line.skipSpaces(at: &position)
      guard line.hexadecimal(at: &position) != nil, line.isWordEnd(position) else { return false }
    }
    line.skipSpaces(at: &position)
    guard let inode = line.decimal(at: &position), line.isWordEnd(position) else { return false }
    return UInt32(exactly: inode) != nil
  }
}
