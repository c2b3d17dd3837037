internal import CSockDiag
package import SocketModel

/// The inet part of sock_diag (sock_diag(7), `linux/inet_diag.h`): requests and replies as bytes.
package enum InetDiag {
  /// Bits for the states 1 to 12, NEW_SYN_RECV among them. Not the pseudo-state 13 of kernel 6.8 and
  /// later (bound, neither listening nor connected): /proc/net/tcp and `ss` do not count those.
  static let connectionStates: UInt32 = 0x1ffe

  /// A request to dump the TCP sockets of one family, in every state, without extensions: each
  /// extension would cost the kernel a lock or a copy per socket.
  package static func tcpDumpRequest(family: AddressFamily, sequence: UInt32) -> [UInt8] {
    var request = [UInt8]()
    func append(_ value: some FixedWidthInteger) {
      var value = value
      unsafe withUnsafeBytes(of: &value) { unsafe request.append(contentsOf: $0) }
    }
    let length = NetlinkMessage.headerBytes + MemoryLayout<inet_diag_req_v2>.size
    append(UInt32(length))
    append(UInt16(SOCK_DIAG_BY_FAMILY))
    append(UInt16(NLM_F_REQUEST | NLM_F_DUMP))
    append(sequence)
    append(UInt32(0))  // nlmsg_pid: the kernel fills it in
    append(family.number)
    append(UInt8(tcpProtocol))
    append(UInt8(0))  // idiag_ext
    append(UInt8(0))  // pad
    append(connectionStates)
    // The socket identity stays zero: a dump does not look at it.
    request.append(contentsOf: repeatElement(0, count: length - request.count))
    return request
  }

  private static let tcpProtocol = 6

  /// How far a dump has come.
  package enum Progress: Equatable {
    case more
    /// The dump is complete. `interrupted`: the kernel says that it is not consistent.
    case done(interrupted: Bool)
  }

  /// Counts the sockets of one datagram of the reply to `tcpDumpRequest`. Messages that answer
  /// another request are passed over, as are sockets in a state that TCP does not have.
  /// - Parameter interrupted: becomes true where a message carries the kernel's mark.
  /// - Throws: `NetlinkError` for a refusal, an overrun or malformed bytes.
  package static func count(
    _ datagram: Span<UInt8>, sequence: UInt32, interrupted: inout Bool,
    into counts: inout TCPSocketCounts
  ) throws(NetlinkError) -> Progress {
    var offset = 0
    while offset < datagram.count {
      let message = try NetlinkMessage(in: datagram, at: &offset)
      guard message.sequence == sequence else { continue }
      if message.isInterrupted { interrupted = true }
      switch Int32(message.type) {
      case Int32(SOCK_DIAG_BY_FAMILY):
        guard message.payload.count >= MemoryLayout<inet_diag_msg>.size else {
          throw .malformed(offset: message.payload.lowerBound)
        }
        // inet_diag_msg begins with idiag_family and idiag_state.
        guard let family = AddressFamily(number: datagram[message.payload.lowerBound]),
          let state = TCPState(kernelNumber: datagram[message.payload.lowerBound + 1])
        else { continue }
        counts[state, family] += 1
      case NLMSG_DONE:
        // The kernel reports an error that it met in mid-dump as the payload of the end.
        if message.payload.count >= 4 {
          let code = datagram.native(Int32.self, at: message.payload.lowerBound)
          if code < 0 { throw .refused(code: -max(code, -Int32.max)) }
        }
        return .done(interrupted: interrupted)
      case NLMSG_ERROR:
        guard message.payload.count >= 4 else {
          throw .malformed(offset: message.payload.lowerBound)
        }
        let code = datagram.native(Int32.self, at: message.payload.lowerBound)
        // Zero is an acknowledgement, and none was asked for.
        if code != 0 { throw .refused(code: -max(code, -Int32.max)) }
      case NLMSG_OVERRUN:
        throw .overrun
      default:
        continue
      }
    }
    return .more
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

  init?(number: UInt8) {
    switch number {
    case 2: self = .ipv4
    case 10: self = .ipv6
    default: return nil
    }
  }
}
