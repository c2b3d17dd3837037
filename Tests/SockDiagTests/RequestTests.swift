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

  @Test func aDumpOfBothFamilies() {
    let request: [UInt8] = [
      // struct nlmsghdr
      76, 0, 0, 0,  // nlmsg_len
      18, 0,  // nlmsg_type: TCPDIAG_GETSOCK
      0x01, 0x03,  // nlmsg_flags: NLM_F_REQUEST | NLM_F_DUMP
      0x78, 0x56, 0x34, 0x12,  // nlmsg_seq
      0, 0, 0, 0,  // nlmsg_pid
      // struct inet_diag_req
      0,  // idiag_family: the kernel does not look
      0, 0,  // idiag_src_len, idiag_dst_len
      0,  // idiag_ext: none
    ]
    #expect(
      DumpRequest.tcp(.all).bytes(sequence: 0x1234_5678)
        == request + [UInt8](repeating: 0, count: 48) + [
          0xfe, 0x1f, 0, 0,  // idiag_states: 1 to 12
          0, 0, 0, 0,  // idiag_dbs
        ])
  }

  @Test func multipathTCPIsAskedForInAnAttribute() {
    var request = DumpRequest.tcp(.ipv6, .connections).bytes(sequence: 1)
    request[0] = 80  // nlmsg_len
    request += [
      // struct nlattr
      8, 0,  // nla_len
      3, 0,  // nla_type: INET_DIAG_REQ_PROTOCOL
      0x06, 0x01, 0, 0,  // IPPROTO_MPTCP
    ]
    #expect(DumpRequest.multipathTCP(.ipv6).bytes(sequence: 1) == request)
  }

  private func states(_ request: DumpRequest) -> [UInt8] {
    Array(request.bytes(sequence: 1)[20..<24])
  }

  /// Bits by the number of a state. Never 13: bound, and nothing else.
  @Test func states() {
    #expect(states(.tcp(.ipv4, .all)) == [0xfe, 0x1f, 0, 0])
    #expect(states(.tcp(.ipv4, .listening)) == [0, 0x04, 0, 0])
    #expect(states(.tcp(.ipv4, .connections)) == [0xfe, 0x1b, 0, 0])
    #expect(states(.tcp(.ipv4, .closeWait)) == [0, 0x01, 0, 0])
    for choice in [SocketDump.TCPStates.all, .listening, .connections, .closeWait] {
      let ofBothFamilies = DumpRequest.tcp(choice).bytes(sequence: 1)[68..<72]
      #expect(Array(ofBothFamilies) == states(.tcp(.ipv6, choice)))
    }
  }

  @Test func closeWaitWithItsInfo() {
    var request = DumpRequest.tcp(.ipv6, .closeWait).bytes(sequence: 1)
    request[18] = 2  // idiag_ext: bit 1, INET_DIAG_INFO
    #expect(DumpRequest.closeWaitInfo(.ipv6).bytes(sequence: 1) == request)
    #expect(states(.closeWaitInfo(.ipv6)) == [0, 1, 0, 0])
  }

  /// Family and protocol of each request, and the length of its message.
  @Test(
    arguments: [
      (.tcp, []),
      (.udp, [[2, 17, 72], [10, 17, 72], [2, 136, 72], [10, 136, 72]]),
      (.raw, [[2, 255, 72], [10, 255, 72]]),
      (.unix, [[1, 0, 40]]),
      (.netlink, [[16, 255, 36]]),
      (.packet, [[17, 0, 36]]),
      (.unbound, []),
      (.other, []),
    ] as [(SocketKind, [[UInt8]])])
  func requestsOfAKind(kind: SocketKind, expected: [[UInt8]]) {
    let requests = DumpRequest.all(of: kind).map { $0.bytes(sequence: 1) }
    #expect(requests.map { [$0[16], $0[17], $0[0]] } == expected)
    for request in requests { #expect(request.count == Int(request[0])) }
  }

  @Test func everyStateOfUnixAndUDPAndRaw() {
    for kind in [SocketKind.unix, .udp, .raw] {
      for request in DumpRequest.all(of: kind) {
        #expect(states(request) == [0xff, 0xff, 0xff, 0xff])
        // Neither extensions, inodes, things to show nor cookies.
        let rest = request.bytes(sequence: 1)
        #expect(rest[18..<20].allSatisfy { $0 == 0 } && rest[24...].allSatisfy { $0 == 0 })
      }
    }
    for kind in [SocketKind.netlink, .packet] {
      for request in DumpRequest.all(of: kind) {
        #expect(request.bytes(sequence: 1)[18...].allSatisfy { $0 == 0 })
      }
    }
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
