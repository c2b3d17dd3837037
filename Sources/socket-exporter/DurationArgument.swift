/// A duration as Prometheus writes it: `500ms`, `5s`, `1m30s`.
struct DurationArgument: Equatable, Sendable {
  let duration: Duration
  /// What the user wrote.
  let text: String

  struct Invalid: Error, Equatable, CustomStringConvertible {
    let description: String
  }

  /// Milliseconds in each unit, greatest first: the order in which they may follow each other.
  private static let units: [(name: String, milliseconds: Int64)] = [
    ("y", 365 * 86_400_000), ("w", 7 * 86_400_000), ("d", 86_400_000), ("h", 3_600_000),
    ("m", 60_000), ("s", 1000), ("ms", 1),
  ]

  /// - Throws: `Invalid`, saying what is valid.
  init(parsing text: String, in range: ClosedRange<DurationArgument>) throws(Invalid) {
    let parsed = DurationArgument(text)
    guard let parsed else {
      throw Invalid(description: "expected a duration such as 500ms, 5s or 1m30s")
    }
    guard parsed >= range.lowerBound, parsed <= range.upperBound else {
      throw Invalid(
        description: "expected \(range.lowerBound.text) to \(range.upperBound.text)")
    }
    self = parsed
  }

  /// Nil where the text is no duration.
  init?(_ text: String) {
    var rest = Substring(text)
    var units = Self.units[...]
    var total: Int64 = 0
    guard !rest.isEmpty else { return nil }
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      rest = rest.dropFirst(digits.count)
      let name = rest.prefix { $0.isASCII && $0.isLetter }
      rest = rest.dropFirst(name.count)
      guard let count = Int64(digits), let index = units.firstIndex(where: { $0.name == name })
      else { return nil }
      let (product, tooLarge) = count.multipliedReportingOverflow(by: units[index].milliseconds)
      let (sum, overflowed) = total.addingReportingOverflow(product)
      guard !tooLarge, !overflowed else { return nil }
      total = sum
      units = units[(index + 1)...]
    }
    self.text = text
    duration = .milliseconds(total)
  }
}

extension DurationArgument: Comparable {
  static func < (left: Self, right: Self) -> Bool { left.duration < right.duration }
}
