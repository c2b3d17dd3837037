package import LinuxIO
package import SocketModel

/// `/proc/net/snmp` (proc_net(5); `net/ipv4/proc.c`), of which the exporter takes the counters of TCP.
/// They belong to the reader's network namespace and count IPv4 and IPv6 together.
package enum NetSNMP {
  /// Below the mount point of proc.
  package static let file = "net/snmp"

  /// Reads the `Tcp:` lines into `events`, by the names in the heading and not by their order. What
  /// the kernel does not count stays as it was; a file without such lines changes nothing.
  /// - Throws: `ParseError` where the two lines differ in length, or a counter that is taken is no
  ///   unsigned number of 64 bits. `events` is then as it was.
  package static func parse(
    _ bytes: Span<UInt8>, into events: inout TCPEvents
  ) throws(ParseError) {
    try CounterLines.parse(bytes, file: file, prefix: "Tcp:", into: &events) { name in
      switch name {
      case "ActiveOpens": \.activeOpens
      case "PassiveOpens": \.passiveOpens
      case "AttemptFails": \.attemptFails
      case "EstabResets": \.establishedResets
      case "RetransSegs": \.segmentsRetransmitted
      case "OutRsts": \.resetsSent
      default: nil
      }
    }
  }
}
