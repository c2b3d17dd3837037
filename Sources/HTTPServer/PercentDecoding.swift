extension String {
  /// Reads percent-encoded text (RFC 3986, section 2.1). It is total: a `%` that no two hexadecimal
  /// digits follow stands for itself, and what is not UTF-8 after decoding is repaired with U+FFFD.
  init(percentDecoding encoded: Span<UInt8>) {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(encoded.count)
    var position = 0
    while position < encoded.count {
      if encoded[position] == UInt8(ascii: "%"), position + 2 < encoded.count,
        let high = hexadecimalValue(encoded[position + 1]),
        let low = hexadecimalValue(encoded[position + 2])
      {
        bytes.append(high << 4 | low)
        position += 3
      } else {
        bytes.append(encoded[position])
        position += 1
      }
    }
    self = String(decoding: bytes, as: UTF8.self)
  }
}

private func hexadecimalValue(_ byte: UInt8) -> UInt8? {
  switch byte {
  case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
  case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
  case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
  default: nil
  }
}
