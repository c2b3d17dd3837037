package import LinuxIO
package import SocketModel

/// Numbers below `/proc/sys` (proc_sys(5)): one in a file, where nothing else is said.
package enum KernelSetting {
  /// The greatest process id there can be, plus one; how many processes and threads fit.
  package static let processLimit = "sys/kernel/pid_max"
  /// Open files of the whole host (`fs/file_table.c`); see `parseFileHandles`.
  package static let fileHandles = "sys/fs/file-nr"
  /// Memory of TCP on the whole host, in pages (tcp(7)); see `parseMemoryThresholds`.
  package static let tcpMemory = "sys/net/ipv4/tcp_mem"
  /// Memory of UDP on the whole host, in pages (udp(7)); see `parseMemoryThresholds`.
  package static let udpMemory = "sys/net/ipv4/udp_mem"
  /// TCP sockets that no process holds, on the whole host, before they are reset (tcp(7)).
  package static let tcpOrphans = "sys/net/ipv4/tcp_max_orphans"
  /// TIME_WAIT sockets in the reader's network namespace, before they are ended early (tcp(7)).
  package static let tcpTimeWait = "sys/net/ipv4/tcp_max_tw_buckets"
  /// Connections that may wait for accept(2), however many listen(2) asks for.
  package static let listenBacklog = "sys/net/core/somaxconn"
  /// Connection requests that a listener remembers (tcp(7)).
  package static let synBacklog = "sys/net/ipv4/tcp_max_syn_backlog"
  /// Connections that netfilter tracks in the reader's network namespace
  /// (`net/netfilter/nf_conntrack_standalone.c`). Absent where nothing asks for tracking.
  package static let conntrackEntries = "sys/net/netfilter/nf_conntrack_count"
  /// How many it tracks at most. Absent like `conntrackEntries`.
  package static let conntrackEntriesLimit = "sys/net/netfilter/nf_conntrack_max"

  /// Whether Multipath TCP sockets may be made in the reader's network namespace, 1 or 0. Absent where
  /// the kernel has no Multipath TCP.
  package static let multipathTCP = "sys/net/mptcp/enabled"

  /// - Returns: nil where the number is below zero, as some may be set: then it bounds nothing that could be
  ///   counted.
  /// - Throws: `ParseError` where the file does not hold one number.
  package static func parse(_ bytes: Span<UInt8>, file: String) throws(ParseError) -> UInt64? {
    var position = 0
    bytes.skipSpaces(at: &position)
    let isNegative = bytes.skipMinus(at: &position)
    guard let value = bytes.decimal(at: &position), bytes.isWordEnd(position) else {
      throw ParseError(file: file, line: 1, field: "value")
    }
    return isNegative ? nil : value
  }

  /// The three numbers of `tcpMemory` or `udpMemory`, in bytes. A threshold beyond 64 bits, which is
  /// how some say that there is none, is the greatest number.
  /// - Parameter pageBytes: the size of a page, bytes.
  /// - Throws: `ParseError` where there are not three numbers.
  package static func parseMemoryThresholds(
    _ bytes: Span<UInt8>, file: String, pageBytes: UInt64
  ) throws(ParseError) -> Limits.MemoryThresholds {
    var position = 0
    func threshold(_ field: String) throws(ParseError) -> UInt64 {
      bytes.skipSpaces(at: &position)
      guard let pages = bytes.decimal(at: &position), bytes.isWordEnd(position) else {
        throw ParseError(file: file, line: 1, field: field)
      }
      let (product, overflowed) = pages.multipliedReportingOverflow(by: pageBytes)
      return overflowed ? .max : product
    }
    return Limits.MemoryThresholds(
      low: try threshold("low"), pressure: try threshold("pressure"),
      high: try threshold("high"))
  }

  /// Open files of the whole host.
  package struct FileHandles: Sendable, Equatable {
    /// Those there are.
    package var used: UInt64
    /// When open(2) fails with ENFILE (`fs.file-max`); 9223372036854775807 means never.
    package var limit: UInt64
  }

  /// The first and the third number of `fileHandles`; the second is 0 since Linux 2.6.
  /// - Throws: `ParseError` where there are not three numbers.
  package static func parseFileHandles(_ bytes: Span<UInt8>) throws(ParseError) -> FileHandles {
    var position = 0
    func number(_ field: String) throws(ParseError) -> UInt64 {
      bytes.skipSpaces(at: &position)
      guard let value = bytes.decimal(at: &position), bytes.isWordEnd(position) else {
        throw ParseError(file: fileHandles, line: 1, field: field)
      }
      return value
    }
    let used = try number("allocated")
    _ = try number("unused")
    return FileHandles(used: used, limit: try number("maximum"))
  }
}
