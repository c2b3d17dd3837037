import SockDiag
import Testing

/// The structures of which only the inode is read, written by hand after their headers.
struct InodeTests {
  /// `struct unix_diag_msg`, `linux/unix_diag.h`.
  private static let unix: [UInt8] = [
    1,  // udiag_family: AF_UNIX
    2,  // udiag_type: SOCK_DGRAM
    7,  // udiag_state
    0,  // pad
    0x39, 0x30, 0, 0,  // udiag_ino: 12345
    0x11, 0x22, 0, 0, 0, 0, 0, 0,  // udiag_cookie
  ]

  /// `struct netlink_diag_msg`, `linux/netlink_diag.h`.
  private static let netlink: [UInt8] = [
    16,  // ndiag_family: AF_NETLINK
    3,  // ndiag_type: SOCK_RAW
    0,  // ndiag_protocol: NETLINK_ROUTE
    7,  // ndiag_state
    0xaa, 0, 0, 0,  // ndiag_portid
    0xbb, 0, 0, 0,  // ndiag_dst_portid
    0xcc, 0, 0, 0,  // ndiag_dst_group
    0x39, 0x30, 0, 0,  // ndiag_ino: 12345
    0x11, 0x22, 0, 0, 0, 0, 0, 0,  // ndiag_cookie
  ]

  /// `struct packet_diag_msg`, `linux/packet_diag.h`.
  private static let packet: [UInt8] = [
    17,  // pdiag_family: AF_PACKET
    3,  // pdiag_type: SOCK_RAW
    0, 3,  // pdiag_num: ETH_P_ALL
    0x39, 0x30, 0, 0,  // pdiag_ino: 12345
    0x11, 0x22, 0, 0, 0, 0, 0, 0,  // pdiag_cookie
  ]

  private static let formats: [(DumpRow, [UInt8])] = [
    (.inet, Array(Message.ipv4(state: 7)[16...])), (.unix, unix), (.netlink, netlink),
    (.packet, packet),
  ]

  @Test(arguments: formats)
  func theInode(format: DumpRow, structure: [UInt8]) throws {
    #expect(try format.inode(in: structure.span, at: 0..<structure.count) == 12345)
    let attributed = [9, 9, 9] + structure + [5, 0, 6, 0, 0, 0, 0, 0]
    #expect(try format.inode(in: attributed.span, at: 3..<attributed.count) == 12345)
    for count in structure.indices {
      #expect(throws: NetlinkError.malformed(offset: 3)) {
        try format.inode(in: attributed.span, at: 3..<(3 + count))
      }
    }
  }
}
