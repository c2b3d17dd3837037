internal import LinuxIO
internal import SocketModel

/// Lines in pairs, as in `/proc/net/snmp` and `/proc/net/netstat`: names, and below them their values.
///
///     Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens
///     Tcp: 1 200 120000 -1 120825
enum CounterLines {
  /// Reads the pair of one protocol into `events`; no change where there is no such pair.
  /// - Parameters:
  ///   - prefix: the word that both lines begin with.
  ///   - field: where the counter of a name belongs; nil where it is of no concern.
  /// - Throws: `ParseError` where a name has no value, a value no name, or the value of a name that
  ///   is of concern is no number of 64 bits. `events` is then as it was.
  static func parse(
    _ bytes: Span<UInt8>, file: String, prefix: StaticString, into events: inout TCPEvents,
    field: (_ name: String) -> WritableKeyPath<TCPEvents, UInt64?>?
  ) throws(ParseError) {
    var start = 0
    var number = 1
    while start < bytes.count {
      let end = endOfLine(bytes, from: start)
      let names = bytes.extracting(start..<end)
      start = min(end + 1, bytes.count)
      number += 1
      var namePosition = 0
      guard names.skip(prefix, at: &namePosition) else { continue }

      let values = bytes.extracting(start..<endOfLine(bytes, from: start))
      var valuePosition = 0
      guard values.skip(prefix, at: &valuePosition) else {
        throw ParseError(file: file, line: number, field: prefix.description)
      }
      var result = events
      while true {
        names.skipSpaces(at: &namePosition)
        values.skipSpaces(at: &valuePosition)
        let nameStart = namePosition
        let valueStart = valuePosition
        let hasName = names.skipWord(at: &namePosition)
        guard hasName || !values.isWordEnd(valuePosition) else { break }
        let name = names.extracting(nameStart..<namePosition).text
        guard values.skipWord(at: &valuePosition), hasName else {
          throw ParseError(file: file, line: number, field: hasName ? name : prefix.description)
        }
        guard let field = field(name) else { continue }
        var valueEnd = valueStart
        guard let value = values.decimal(at: &valueEnd), valueEnd == valuePosition else {
          throw ParseError(file: file, line: number, field: name)
        }
        result[keyPath: field] = value
      }
      events = result
      return
    }
  }

  private static func endOfLine(_ bytes: Span<UInt8>, from start: Int) -> Int {
    bytes.firstIndex(of: UInt8(ascii: "\n"), from: start) ?? bytes.count
  }
}
