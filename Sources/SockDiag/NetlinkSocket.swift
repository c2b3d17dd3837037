internal import CSockDiag
internal import Glibc
internal import LinuxIO

/// A NETLINK_SOCK_DIAG socket: sends requests, receives datagrams. All waiting is bounded.
struct NetlinkSocket: ~Copyable {
  private let descriptor: FileDescriptor

  /// The kernel writes datagrams of up to 32 KiB, so a larger buffer gains nothing.
  static let datagramBytes = 32 << 10

  /// How long one receive may take. The kernel answers at once; this is for the day it does not.
  private static let receiveTimeoutSeconds = 5

  /// - Throws: `NetlinkError.system` where the kernel refuses the socket.
  init() throws(NetlinkError) {
    let number = socket(
      AF_NETLINK, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), NETLINK_SOCK_DIAG)
    guard number >= 0 else { throw .system(.last("socket", "NETLINK_SOCK_DIAG")) }
    let descriptor = FileDescriptor(adopting: number)
    var timeout = timeval(tv_sec: Self.receiveTimeoutSeconds, tv_usec: 0)
    guard
      unsafe setsockopt(
        number, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size)) == 0
    else { throw .system(.last("setsockopt", "SO_RCVTIMEO")) }
    self.descriptor = descriptor
  }

  /// - Throws: `NetlinkError.system` where the request cannot be sent whole.
  borrowing func send(_ request: [UInt8]) throws(NetlinkError) {
    let number = descriptor.rawValue
    let sent = retryingInterrupts { unsafe Glibc.send(number, request, request.count, 0) }
    guard sent == request.count else { throw .system(.last("send", "NETLINK_SOCK_DIAG")) }
  }

  /// Receives one datagram and tells its length.
  borrowing func receive(into buffer: inout [UInt8]) throws(NetlinkError) -> Int {
    let number = descriptor.rawValue
    let capacity = buffer.count
    let received = unsafe buffer.withUnsafeMutableBytes { (room) -> Int in
      retryingInterrupts {
        unsafe recv(number, room.baseAddress, capacity, Int32(MSG_TRUNC))
      }
    }
    guard received >= 0 else {
      switch errno {
      case ENOBUFS: throw .overrun
      case EAGAIN: throw .timedOut
      default: throw .system(.last("recv", "NETLINK_SOCK_DIAG"))
      }
    }
    guard received <= capacity else { throw .truncated }
    return received
  }
}
