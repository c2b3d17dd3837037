package import LinuxIO
package import SocketModel

/// `/proc/net/sockstat` and `/proc/net/sockstat6` (proc_net(5); `net/ipv4/proc.c`, `net/ipv6/proc.c`).
///
/// `used`, `inuse`, `tw`, UDP `inuse` and FRAG belong to the reader's network namespace; `orphan`,
/// `alloc` and `mem` to the whole host. `mem` counts pages, FRAG `memory` bytes.
package enum NetSockstat {
  /// Reads one of the two files into `sockstat`. Lines and keys that are not known are passed over,
  /// for kernels add some now and then; what an unknown key says need not be a number.
  /// - Parameter pageBytes: the size of a page, bytes.
  /// - Throws: `ParseError` where a known key has no number, or a line no protocol.
  package static func parse(
    _ bytes: Span<UInt8>, file: String, pageBytes: UInt64, into sockstat: inout Sockstat
  ) throws(ParseError) {
    // A closure may not capture an inout parameter that it changes.
    var result = sockstat
    try bytes.forEachLine { (line, number) throws(ParseError) in
      var position = 0
      guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
        throw ParseError(file: file, line: number, field: "protocol")
      }
      guard let subject = Subject(line.extracting(0..<colon)) else { return }
      position = colon + 1
      while true {
        line.skipSpaces(at: &position)
        guard position < line.count else { break }
        let keyStart = position
        guard line.skipWord(at: &position) else { break }
        let key = line.extracting(keyStart..<position)
        line.skipSpaces(at: &position)
        var end = position
        // The kernel adds up what each processor has counted, which may be below zero for a moment.
        let isNegative = line.skipMinus(at: &end)
        var value = line.decimal(at: &end).map { isNegative ? 0 : $0 }
        if line.isWordEnd(end) { position = end } else { value = nil }
        try subject.store(
          value, key: key, pageBytes: pageBytes, into: &result,
          malformed: ParseError(file: file, line: number, field: key.text))
      }
    }
    sockstat = result
  }

  /// What a line speaks of.
  private enum Subject {
    case sockets
    case inUse(Sockstat.InternetProtocol, AddressFamily)

    init?(_ name: Span<UInt8>) {
      switch name.text {
      case "sockets": self = .sockets
      case "TCP": self = .inUse(.tcp, .ipv4)
      case "UDP": self = .inUse(.udp, .ipv4)
      case "UDPLITE": self = .inUse(.udplite, .ipv4)
      case "RAW": self = .inUse(.raw, .ipv4)
      case "FRAG": self = .inUse(.frag, .ipv4)
      case "TCP6": self = .inUse(.tcp, .ipv6)
      case "UDP6": self = .inUse(.udp, .ipv6)
      case "UDPLITE6": self = .inUse(.udplite, .ipv6)
      case "RAW6": self = .inUse(.raw, .ipv6)
      case "FRAG6": self = .inUse(.frag, .ipv6)
      default: return nil
      }
    }

    /// - Parameter value: nil where none that reads as a number follows the key.
    func store(
      _ value: UInt64?, key: Span<UInt8>, pageBytes: UInt64, into sockstat: inout Sockstat,
      malformed: ParseError
    ) throws(ParseError) {
      func number() throws(ParseError) -> UInt64 {
        guard let value else { throw malformed }
        return value
      }
      func bytes() throws(ParseError) -> UInt64 {
        let (product, overflowed) = try number().multipliedReportingOverflow(by: pageBytes)
        if overflowed { throw malformed }
        return product
      }
      switch (self, key.text) {
      case (.sockets, "used"): sockstat.socketsUsed = try number()
      case (.inUse(let proto, .ipv4), "inuse"): sockstat.ipv4.inUse[proto.rawValue] = try number()
      case (.inUse(let proto, .ipv6), "inuse"): sockstat.ipv6.inUse[proto.rawValue] = try number()
      case (.inUse(.frag, .ipv4), "memory"): sockstat.ipv4.fragmentMemoryBytes = try number()
      case (.inUse(.frag, .ipv6), "memory"): sockstat.ipv6.fragmentMemoryBytes = try number()
      case (.inUse(.tcp, .ipv4), "orphan"): sockstat.tcpOrphans = try number()
      case (.inUse(.tcp, .ipv4), "tw"): sockstat.tcpTimeWait = try number()
      case (.inUse(.tcp, .ipv4), "alloc"): sockstat.tcpAllocated = try number()
      case (.inUse(.tcp, .ipv4), "mem"): sockstat.tcpMemoryBytes = try bytes()
      case (.inUse(.udp, .ipv4), "mem"): sockstat.udpMemoryBytes = try bytes()
      default: break
      }
    }
  }
}
