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
    for byte in utf8 {
      switch byte {
      case UInt8(ascii: "\\"), UInt8(ascii: "\""):
        bytes.append(UInt8(ascii: "\\"))
        bytes.append(byte)
      case UInt8(ascii: "\n"):
        bytes.append(UInt8(ascii: "\\"))
        bytes.append(UInt8(ascii: "n"))
      default:
        bytes.append(byte)
      }
    }
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
    bytes.append(contentsOf: description.utf8)
  }
}
