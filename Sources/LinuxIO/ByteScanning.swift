/// Reading numbers and words out of the text that the kernel writes. All of it is total: a scan that
/// finds nothing returns nil and leaves the position where it was.
extension Span where Element == UInt8 {
  /// Reads an unsigned decimal number; nil where there is no digit or it does not fit 64 bits.
  @inline(__always)
  package func decimal(at position: inout Int) -> UInt64? {
    var value: UInt64 = 0
    var next = position
    while next < count {
      let digit = self[next] &- UInt8(ascii: "0")
      guard digit < 10 else { break }
      let (shifted, overflowed) = value.multipliedReportingOverflow(by: 10)
      let (sum, carried) = shifted.addingReportingOverflow(UInt64(digit))
      guard !overflowed, !carried else { return nil }
      value = sum
      next += 1
    }
    guard next > position else { return nil }
    position = next
    return value
  }

  /// Reads an unsigned hexadecimal number without prefix; nil where there is no digit or it does not
  /// fit 64 bits.
  @inline(__always)
  package func hexadecimal(at position: inout Int) -> UInt64? {
    var value: UInt64 = 0
    var next = position
    while next < count, let digit = hexadecimalDigit(self[next]) {
      guard value >> 60 == 0 else { return nil }
      value = value << 4 | UInt64(digit)
      next += 1
    }
    guard next > position else { return nil }
    position = next
    return value
  }

  /// Moves past spaces and tabs.
  @inline(__always)
  package func skipSpaces(at position: inout Int) {
    while position < count, self[position] == 0x20 || self[position] == 0x09 { position += 1 }
  }

  /// Moves past a minus sign; false where there is none.
  @inline(__always)
  package func skipMinus(at position: inout Int) -> Bool {
    guard position < count, self[position] == UInt8(ascii: "-") else { return false }
    position += 1
    return true
  }

  /// Moves past one word and the spaces before it; false where the text ends first.
  @inline(__always)
  package func skipWord(at position: inout Int) -> Bool {
    skipSpaces(at: &position)
    let start = position
    while position < count, self[position] > 0x20 { position += 1 }
    return position > start
  }

  /// Whether no word goes on here: the text ends, or a space or control character stands here.
  @inline(__always)
  package func isWordEnd(_ position: Int) -> Bool {
    position >= count || self[position] <= 0x20
  }

  /// Moves past `literal` if the text continues with it.
  @inline(__always)
  package func skip(_ literal: StaticString, at position: inout Int) -> Bool {
    let length = literal.utf8CodeUnitCount
    guard literal.hasPointerRepresentation, position >= 0, length <= count - position else {
      return false
    }
    for offset in 0..<length {
      guard unsafe literal.utf8Start[offset] == self[position + offset] else { return false }
    }
    position += length
    return true
  }

  /// The first place at or after `start` where `byte` stands.
  @inline(__always)
  package func firstIndex(of byte: UInt8, from start: Int = 0) -> Int? {
    var position = start
    while position < count {
      if self[position] == byte { return position }
      position += 1
    }
    return nil
  }

  /// The last place where `byte` stands.
  package func lastIndex(of byte: UInt8) -> Int? {
    var position = count - 1
    while position >= 0 {
      if self[position] == byte { return position }
      position -= 1
    }
    return nil
  }

  /// Calls `body` with each line, its newline removed, and its number beginning at 1. A last line
  /// without a newline counts.
  @inline(__always)
  package func forEachLine<Failure: Error>(
    _ body: (_ line: Span<UInt8>, _ number: Int) throws(Failure) -> Void
  ) throws(Failure) {
    var start = 0
    var number = 1
    while start < count {
      let end = firstIndex(of: UInt8(ascii: "\n"), from: start) ?? count
      try body(extracting(start..<end), number)
      start = end + 1
      number += 1
    }
  }

  /// The bytes as text. Invalid UTF-8 is repaired with U+FFFD, so the result is always valid.
  package var text: String {
    unsafe withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
  }
}

@inline(__always)
private func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
  switch byte {
  case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
  case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
  case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
  default: nil
  }
}
