internal import LinuxIO
package import SocketModel

/// Counts the TCP sockets of the calling thread's network namespace by asking the kernel for all of
/// them (sock_diag(7)). Replies are counted as they come and never kept.
package struct TCPSocketDump: ~Copyable {
  private var buffer = [UInt8](repeating: 0, count: NetlinkSocket.datagramBytes)
  private var sequence: UInt32 = 0

  /// How often a dump is begun before it counts as failed.
  package static let attempts = 3

  package init() {}

  /// Dumps both families. A dump that the kernel interrupts or cuts short is begun anew.
  /// - Throws: `NetlinkError`, the last attempt's.
  package mutating func count() throws(NetlinkError) -> TCPSocketCounts {
    var counts = TCPSocketCounts()
    for family in AddressFamily.allCases { try count(family, into: &counts) }
    return counts
  }

  private mutating func count(
    _ family: AddressFamily, into counts: inout TCPSocketCounts
  ) throws(NetlinkError) {
    var attempt = 1
    while true {
      do throws(NetlinkError) {
        var attempted = counts
        try countOnce(family, into: &attempted)
        counts = attempted
        return
      } catch {
        guard error.isTransient, attempt < Self.attempts else { throw error }
        attempt += 1
      }
    }
  }

  private mutating func countOnce(
    _ family: AddressFamily, into counts: inout TCPSocketCounts
  ) throws(NetlinkError) {
    // A socket of its own for each dump: what an abandoned one left unread cannot get in the way.
    let socket = try NetlinkSocket()
    sequence &+= 1
    try socket.send(InetDiag.tcpDumpRequest(family: family, sequence: sequence))
    var interrupted = false
    while true {
      let length = try socket.receive(into: &buffer)
      let progress = try InetDiag.count(
        buffer.span.extracting(0..<length), sequence: sequence, interrupted: &interrupted,
        into: &counts)
      if case .done(let interrupted) = progress {
        if interrupted { throw .interrupted }
        return
      }
    }
  }
}
