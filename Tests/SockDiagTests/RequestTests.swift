import Glibc
import LinuxIO
import SockDiag
import SocketModel
import Testing

struct RequestTests {
  @Test func aDumpOfOneFamily() {
    let request: [UInt8] = [
      // struct nlmsghdr
      72, 0, 0, 0,  // nlmsg_len
      20, 0,  // nlmsg_type: SOCK_DIAG_BY_FAMILY
      0x01, 0x03,  // nlmsg_flags: NLM_F_REQUEST | NLM_F_DUMP
      0x78, 0x56, 0x34, 0x12,  // nlmsg_seq
      0, 0, 0, 0,  // nlmsg_pid: the kernel's to fill in
      // struct inet_diag_req_v2
      10,  // sdiag_family: AF_INET6
      6,  // sdiag_protocol: TCP
      0,  // idiag_ext: none
      0,  // pad
      0xfe, 0x1f, 0, 0,  // idiag_states: 1 to 12
    ]
    #expect(
      DumpRequest.tcp(.ipv6, .all).bytes(sequence: 0x1234_5678)
        == request + [UInt8](repeating: 0, count: 48))
    var ipv4 = request
    ipv4[16] = 2  // AF_INET
    #expect(
      DumpRequest.tcp(.ipv4, .all).bytes(sequence: 0x1234_5678)
        == ipv4 + [UInt8](repeating: 0, count: 48))
  }

  @Test func whatMayBeTriedAgain() {
    for error in [NetlinkError.overrun, .interrupted, .timedOut, .truncated] {
      #expect(error.isTransient)
    }
    for error in [
      NetlinkError.refused(code: EPERM), .malformed(offset: 3),
      .system(SystemError("socket", code: EAFNOSUPPORT)),
    ] {
      #expect(!error.isTransient)
    }
  }

  @Test func textsSayWhatHappened() {
    #expect(
      NetlinkError.refused(code: ENOENT).description == "sock_diag: No such file or directory")
    #expect(
      NetlinkError.malformed(offset: 88).description
        == "sock_diag: malformed message at offset 88")
    #expect(
      NetlinkError.system(SystemError("socket", "NETLINK_SOCK_DIAG", code: EACCES)).description
        == "socket NETLINK_SOCK_DIAG: Permission denied")
    for error in [NetlinkError.truncated, .overrun, .interrupted, .timedOut] {
      #expect(error.description.hasPrefix("sock_diag: "))
    }
  }
}
