/// What can be the value of a sample.
package protocol MetricValue {
  func append(to bytes: inout [UInt8])
}

extension UInt64: MetricValue {
  package func append(to bytes: inout [UInt8]) {
    bytes.append(contentsOf: description.utf8)
  }
}

extension Double: MetricValue {
  /// The shortest text that reads back as the same number.
  package func append(to bytes: inout [UInt8]) {
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
  package func append(to bytes: inout [UInt8]) {
    bytes.append(self ? UInt8(ascii: "1") : UInt8(ascii: "0"))
  }
}
