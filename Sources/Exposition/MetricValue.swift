/// What can be the value of a sample.
protocol MetricValue {
  func append(to bytes: inout [UInt8])
}

extension UInt64: MetricValue {
  package func append(to bytes: inout [UInt8]) {
    // Digit by digit, for a String of them would be thrown away at once, thousands of times a page.
    if self >= 10 { (self / 10).append(to: &bytes) }
    bytes.append(UInt8(ascii: "0") + UInt8(self % 10))
  }
}

extension Double: MetricValue {
  /// Below 2^53 every whole number has a text of its digits and `.0`.
  private static let endOfWholeNumbers = 0x1p53

  /// The shortest text that reads back as the same number.
  func append(to bytes: inout [UInt8]) {
    if sign == .plus, self < Self.endOfWholeNumbers, let whole = UInt64(exactly: self) {
      whole.append(to: &bytes)
      bytes.append(contentsOf: ".0".utf8)
      return
    }
    let text =
      if isNaN {
        "NaN"
      } else if isInfinite {
        self > 0 ? "+Inf" : "-Inf"
      } else {
        description
      }
    bytes.append(contentsOf: text.utf8)
  }
}

extension Bool: MetricValue {
  func append(to bytes: inout [UInt8]) {
    bytes.append(self ? UInt8(ascii: "1") : UInt8(ascii: "0"))
  }
}
