/// What can stand in quotes behind a label name.
package protocol LabelValue {
  /// Appends the value, escaped.
  func append(to bytes: inout [UInt8])
}

/// A text from the source code: it has nothing to escape.
extension StaticString: LabelValue {
  package func append(to bytes: inout [UInt8]) {
    unsafe bytes.append(
      contentsOf: UnsafeBufferPointer(start: utf8Start, count: utf8CodeUnitCount))
  }
}

/// A text from strangers. Backslash, quote and newline are escaped as both formats ask; everything
/// else stands as it is, for a String is valid UTF-8.
extension String: LabelValue {
  package func append(to bytes: inout [UInt8]) {
    // Hardly any text has something to escape, and whole texts are copied faster than bytes.
    if !hasEscaped {
      bytes.append(contentsOf: utf8)
      return
    }
    for byte in utf8 {
      if Self.isEscaped(byte) { bytes.append(UInt8(ascii: "\\")) }
      bytes.append(byte == UInt8(ascii: "\n") ? UInt8(ascii: "n") : byte)
    }
  }

  private var hasEscaped: Bool {
    let text = utf8Span.span
    for index in text.indices where Self.isEscaped(text[index]) { return true }
    return false
  }

  private static func isEscaped(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "\\") || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\n")
  }
}

// Numbers have nothing to escape, either.
extension UInt64: LabelValue {}

extension UInt16: LabelValue {
  package func append(to bytes: inout [UInt8]) {
    UInt64(self).append(to: &bytes)
  }
}

extension Int32: LabelValue {
  package func append(to bytes: inout [UInt8]) {
    if self < 0 { bytes.append(UInt8(ascii: "-")) }
    UInt64(magnitude).append(to: &bytes)
  }
}
