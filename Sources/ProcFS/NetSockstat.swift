package import LinuxIO
package import SocketModel

/// `/proc/net/sockstat` and `/proc/net/sockstat6` (proc_net(5); `net/ipv4/proc.c`, `net/ipv6/proc.c`).
///
/// `used`, `inuse`, `tw`, UDP `inuse` and FRAG belong to the reader's network namespace; `orphan`,
/// `alloc` and `mem` to the whole host. `mem` counts pages, FRAG `memory` bytes.
package enum NetSockstat {
  /// Reads one of the two files into `sockstat`. Lines and keys that are not known are passed over,
  /// for kernels add some now and then.
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
      let subject = Subject(line.extracting(0..<colon))
      position = colon + 1
      while true {
        line.skipSpaces(at: &position)
        guard position < line.count else { break }
        let keyStart = position
        guard line.skipWord(at: &position) else { break }
        let key = line.extracting(keyStart..<position)
        line.skipSpaces(at: &position)
        guard let value = line.decimal(at: &position),
          position == line.count || line[position] == UInt8(ascii: " ")
        else {
          throw ParseError(file: file, line: number, field: key.text)
        }
        if let subject {
          try subject.store(
            value, key: key, pageBytes: pageBytes, into: &result,
            overflow: ParseError(file: file, line: number, field: key.text))
        }
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

    func store(
      _ value: UInt64, key: Span<UInt8>, pageBytes: UInt64, into sockstat: inout Sockstat,
      overflow: ParseError
    ) throws(ParseError) {
      func bytes() throws(ParseError) -> UInt64 {
        let (product, overflowed) = value.multipliedReportingOverflow(by: pageBytes)
        if overflowed { throw overflow }
        return product
      }
      switch (self, key.text) {
      case (.sockets, "used"): sockstat.socketsUsed = value
      case (.inUse(let proto, .ipv4), "inuse"): sockstat.ipv4.inUse[proto.rawValue] = value
      case (.inUse(let proto, .ipv6), "inuse"): sockstat.ipv6.inUse[proto.rawValue] = value
      case (.inUse(.frag, .ipv4), "memory"): sockstat.ipv4.fragmentMemoryBytes = value
      case (.inUse(.frag, .ipv6), "memory"): sockstat.ipv6.fragmentMemoryBytes = value
      case (.inUse(.tcp, .ipv4), "orphan"): sockstat.tcpOrphans = value
      case (.inUse(.tcp, .ipv4), "tw"): sockstat.tcpTimeWait = value
      case (.inUse(.tcp, .ipv4), "alloc"): sockstat.tcpAllocated = value
      case (.inUse(.tcp, .ipv4), "mem"): sockstat.tcpMemoryBytes = try bytes()
      case (.inUse(.udp, .ipv4), "mem"): sockstat.udpMemoryBytes = try bytes()
      default: break
      }
    }
  }
}
