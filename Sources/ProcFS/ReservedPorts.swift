package import LinuxIO

/// The local ports that the kernel leaves alone when it chooses one, of the reader's network
/// namespace, from `/proc/sys/net/ipv4/ip_local_reserved_ports` (ip-sysctl; `proc_do_large_bitmap` in
/// `kernel/sysctl.c`).
package enum ReservedPorts {
  /// Below the mount point of proc.
  package static let file = "sys/net/ipv4/ip_local_reserved_ports"

  /// The ports of a list like `8080,9148-9150`, in its order; none where the line is empty.
  /// - Throws: `ParseError` where the line is not such a list, or has no newline: the kernel cuts it
  ///   to what the first read(2) has room for and gives nothing to the next, so a list without its
  ///   end is less than the truth.
  package static func parse(_ bytes: Span<UInt8>) throws(ParseError) -> [ClosedRange<UInt16>] {
    let malformed = ParseError(file: file, line: 1, field: "ports")
    var ranges: [ClosedRange<UInt16>] = []
    var position = 0
    if bytes.isEmpty || bytes.skip("\n", at: &position) { return ranges }
    while true {
      guard let number = bytes.decimal(at: &position), let first = UInt16(exactly: number) else {
        throw malformed
      }
      var last = first
      if bytes.skip("-", at: &position) {
        guard let number = bytes.decimal(at: &position), let port = UInt16(exactly: number),
          first <= port
        else {
          throw malformed
        }
        last = port
      }
      ranges.append(first...last)
      if bytes.skip("\n", at: &position) { return ranges }
      guard bytes.skip(",", at: &position) else { throw malformed }
    }
  }
}
