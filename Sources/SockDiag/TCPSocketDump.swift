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
    for family in AddressFamily.allCases {
      // What a failed attempt has counted goes with it.
      let before = counts
      counts = try Self.retrying { () throws(NetlinkError) -> TCPSocketCounts in
        var attempted = before
        try countOnce(family, into: &attempted)
        return attempted
      }
    }
    return counts
  }

  /// Repeats an attempt that may fail in passing, `attempts` times at most.
  /// - Throws: `NetlinkError`, the last attempt's; at once what will not pass.
  static func retrying<Value>(
    _ attempt: () throws(NetlinkError) -> Value
  ) throws(NetlinkError) -> Value {
    var attemptsLeft = attempts
    while true {
      attemptsLeft -= 1
      do throws(NetlinkError) {
        return try attempt()
      } catch {
        guard error.isTransient, attemptsLeft > 0 else { throw error }
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
