package import LinuxIO
package import SocketModel

/// `/proc/net/netstat` (`net/ipv4/proc.c`, `include/uapi/linux/snmp.h`), of which the exporter takes
/// the counters of TCP that no standard asks for. They belong to the reader's network namespace and
/// count IPv4 and IPv6 together.
package enum NetNetstat {
  /// Below the mount point of proc.
  package static let file = "net/netstat"

  /// Reads the `TcpExt:` lines into `events`, by the names in the heading and not by their order: each
  /// kernel counts more than the one before. What it does not count stays as it was; a file without
  /// such lines changes nothing.
  /// - Throws: `ParseError` where the two lines differ in length, or a counter that is taken is no
  ///   unsigned number of 64 bits. `events` is then as it was.
  package static func parse(
    _ bytes: Span<UInt8>, into events: inout TCPEvents
  ) throws(ParseError) {
    try CounterLines.parse(bytes, file: file, prefix: "TcpExt:", into: &events) { name in
      switch name {
      case "ListenOverflows": \.listenOverflows
      case "ListenDrops": \.listenDrops
      case "SyncookiesSent": \.syncookiesSent
      case "TCPReqQFullDrop": \.requestQueueFullDrops
      case "TCPTimeWaitOverflow": \.timeWaitOverflows
      case "TCPMemoryPressures": \.memoryPressures
      case "TCPAbortOnData": abort(.data)
      case "TCPAbortOnClose": abort(.close)
      case "TCPAbortOnMemory": abort(.memory)
      case "TCPAbortOnTimeout": abort(.timeout)
      case "TCPAbortOnLinger": abort(.linger)
      case "TCPAbortFailed": abort(.failed)
      default: nil
      }
    }
  }

  private static func abort(
    _ reason: TCPEvents.AbortReason
  ) -> WritableKeyPath<TCPEvents, UInt64?> {
    \.aborts[reason.rawValue]
  }
}
