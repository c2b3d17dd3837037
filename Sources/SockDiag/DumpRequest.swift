internal import CSockDiag
internal import Glibc
package import SocketModel

/// A request to dump all sockets of one family and protocol, or TCP's of both families (sock_diag(7)).
package struct DumpRequest {
  /// The structure that the answers consist of.
  package let row: DumpRow
  /// `nlmsg_type`.
  var type = UInt16(SOCK_DIAG_BY_FAMILY)
  /// What follows the netlink header.
  private var body: [UInt8]
  /// The module that is to answer.
  private(set) var module: Module
  /// A kernel that does not know the protocol has no such sockets, and says ENOENT.
  private(set) var mayBeUnknown = false

  /// By what the kernel chooses the module that answers: the names of the modules are made of these
  /// two (`net-pf-16-proto-4-type-2-6` and so on; `net/core/sock_diag.c`).
  struct Module: Hashable {
    /// `sdiag_family`; AF_UNSPEC for both at once.
    var family: UInt8
    /// The protocol's number, where the family has one.
    var number: Int
  }

  private init(_ row: DumpRow, _ body: some BitwiseCopyable) {
    self.row = row
    self.body = Self.bytes(of: body)
    // All requests but TCPDIAG_GETSOCK begin with `sdiag_family` and `sdiag_protocol`.
    module = Module(family: self.body[0], number: Int(self.body[1]))
  }

  private static func bytes(of value: some BitwiseCopyable) -> [UInt8] {
    unsafe withUnsafeBytes(of: value) { unsafe Array($0) }
  }

  /// The whole message, with the number that its answers will carry.
  package func bytes(sequence: UInt32) -> [UInt8] {
    let header = nlmsghdr(
      nlmsg_len: UInt32(NetlinkMessage.headerBytes + body.count),
      nlmsg_type: type,
      nlmsg_flags: UInt16(NLM_F_REQUEST | NLM_F_DUMP),
      nlmsg_seq: sequence,
      nlmsg_pid: 0)  // the kernel fills it in
    return Self.bytes(of: header) + body
  }

  /// TCP sockets of both families, by the request that was there before sock_diag had families. It is
  /// the only one for which the kernel walks its table once: SOCK_DIAG_BY_FAMILY refuses AF_UNSPEC.
  package static func tcp(_ states: SocketDump.TCPStates) -> DumpRequest {
    // A dump looks at nothing else of the structure, not even at the family.
    var body = inet_diag_req()
    body.idiag_states = states.mask
    var request = DumpRequest(.inet, body)
    request.type = UInt16(TCPDIAG_GETSOCK)
    request.module = Module(family: UInt8(AF_UNSPEC), number: Int(IPPROTO_TCP))
    return request
  }

  /// TCP sockets. Without extensions: each would cost the kernel a lock or a copy per socket.
  package static func tcp(_ family: AddressFamily, _ states: SocketDump.TCPStates) -> DumpRequest {
    inet(family, protocol: IPPROTO_TCP, states: states.mask)
  }

  /// TCP sockets in CLOSE_WAIT, each with its `tcp_info`.
  package static func closeWaitInfo(_ family: AddressFamily) -> DumpRequest {
    inet(
      family, protocol: IPPROTO_TCP, states: SocketDump.TCPStates.closeWait.mask,
      extensions: 1 << UInt8(INET_DIAG_INFO - 1))
  }

  /// Multipath TCP sockets, in any state but LISTEN: not their subflows, which are TCP sockets. To
  /// find listeners the kernel would walk all of TCP's, for a millisecond even where there are none.
  package static func multipathTCP(_ family: AddressFamily) -> DumpRequest {
    var request = tcp(family, .connections)
    // The number does not fit into `sdiag_protocol`, so an attribute overrules that.
    let attribute = nlattr(
      nla_len: UInt16(MemoryLayout<nlattr>.size + MemoryLayout<UInt32>.size),
      nla_type: UInt16(INET_DIAG_REQ_PROTOCOL))
    request.module.number = multipathTCPNumber
    request.body += bytes(of: attribute) + bytes(of: UInt32(multipathTCPNumber))
    return request
  }

  /// IPPROTO_MPTCP (`linux/in.h`), which glibc's headers may lack.
  private static let multipathTCPNumber = 262

  /// The requests that together tell all sockets of a kind other than TCP; none where the kind is not
  /// one of sock_diag's.
  package static func all(of kind: SocketKind) -> [DumpRequest] {
    let families = AddressFamily.allCases
    switch kind {
    case .udp:
      return families.map { inet($0, protocol: IPPROTO_UDP) }
        + families.map {
          var request = inet($0, protocol: IPPROTO_UDPLITE)
          request.mayBeUnknown = true
          return request
        }
    case .raw:
      // `inet_diag_req_raw` names a byte more, the protocol, which a dump does not look at.
      return families.map { inet($0, protocol: IPPROTO_RAW) }
    case .unix:
      var body = unix_diag_req()
      body.sdiag_family = UInt8(AF_UNIX)
      body.udiag_states = .max
      return [DumpRequest(.unix, body)]
    case .netlink:
      var body = netlink_diag_req()
      body.sdiag_family = UInt8(AF_NETLINK)
      body.sdiag_protocol = everyNetlinkProtocol
      return [DumpRequest(.netlink, body)]
    case .packet:
      var body = packet_diag_req()
      body.sdiag_family = UInt8(AF_PACKET)
      return [DumpRequest(.packet, body)]
    case .tcp, .unbound, .other:
      return []
    }
  }

  /// NDIAG_PROTO_ALL, a macro with a cast that Swift does not import.
  private static let everyNetlinkProtocol = UInt8.max

  static func inet(
    _ family: AddressFamily, protocol number: Int, states: UInt32 = .max, extensions: UInt8 = 0
  ) -> DumpRequest {
    // The socket identity stays zero: a dump of all sockets asks for none.
    var body = inet_diag_req_v2()
    body.sdiag_family = family.number
    body.sdiag_protocol = UInt8(number)
    body.idiag_ext = extensions
    body.idiag_states = states
    return DumpRequest(.inet, body)
  }
}

extension SocketDump {
  /// Which TCP sockets a dump is to have.
  package enum TCPStates: Equatable, Sendable {
    /// LISTEN. The kernel walks its table of listeners only.
    case listening
    /// Everything else. The kernel walks its table of connections only.
    case connections
    case closeWait
    case all

    /// `idiag_states`: bits for the states 1 to 12, NEW_SYN_RECV among them. Never the pseudo-state
    /// 13 of kernel 6.8 and later (bound, neither listening nor connected): /proc/net/tcp and `ss`
    /// do not count those.
    var mask: UInt32 {
      switch self {
      case .listening: 1 << TCPState.listen.rawValue
      case .connections: Self.all.mask & ~Self.listening.mask
      case .closeWait: 1 << TCPState.closeWait.rawValue
      case .all: 0x1ffe
      }
    }
  }
}

extension AddressFamily {
  /// AF_INET and AF_INET6 as the kernel numbers them.
  var number: UInt8 {
    switch self {
    case .ipv4: 2
    case .ipv6: 10
    }
  }

  @inline(__always)
  init?(number: UInt8) {
    switch number {
    case 2: self = .ipv4
    case 10: self = .ipv6
    default: return nil
    }
  }
}
