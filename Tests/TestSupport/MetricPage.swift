/// A page of metrics as a strict reader understands it.
///
/// Whatever Prometheus would refuse, and whatever the exporter's own rules exclude, makes the
/// initializer throw: a series written twice, a family in two places or without HELP or TYPE, an
/// unknown escape, bytes that are not UTF-8, a timestamp.
package struct MetricPage: Sendable {
  package enum Format: Sendable {
    /// Prometheus text format 0.0.4.
    case text
    /// OpenMetrics 1.0.0.
    case openMetrics
  }

  package struct Sample: Hashable, Sendable {
    package let name: String
    package let labels: [String: String]
    package let value: Double

    package init(name: String, labels: [String: String], value: Double) {
      self.name = name
      self.labels = labels
      self.value = value
    }
  }

  package struct Family: Sendable {
    package let name: String
    package let type: String
    package let help: String
    package let samples: [Sample]
  }

  /// In the order of the page.
  package let families: [Family]
  private let values: [Series: Double]

  private struct Series: Hashable {
    let name: String
    let labels: [String: String]
  }

  package init(_ bytes: [UInt8], as format: Format = .text) throws {
    guard String(validating: bytes, as: UTF8.self) != nil else {
      throw TestFailure("the page is not UTF-8")
    }
    guard bytes.last == UInt8(ascii: "\n") else { throw TestFailure("the last line has no end") }

    var reader = FamilyReader(format: format)
    for (index, line) in bytes.dropLast().split(
      separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false
    ).enumerated() {
      do {
        try reader.read(line)
      } catch let failure as TestFailure {
        let text = String(decoding: line, as: UTF8.self)
        throw TestFailure("line \(index + 1), \(text): \(failure)")
      }
    }
    families = try reader.finish()

    var values: [Series: Double] = [:]
    for sample in families.flatMap(\.samples) {
      let series = Series(name: sample.name, labels: sample.labels)
      guard values.updateValue(sample.value, forKey: series) == nil else {
        throw TestFailure("twice on the page: \(sample.name) \(sample.labels)")
      }
    }
    self.values = values
  }

  /// The value of the series with exactly these labels; nil where there is none.
  package func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
    values[Series(name: name, labels: labels)]
  }

  /// The samples with a name, in the order of the page.
  package func samples(_ name: String) -> [Sample] {
    families.flatMap(\.samples).filter { $0.name == name }
  }

  /// The sum of the samples with a name that carry at least these labels.
  package func sum(_ name: String, _ labels: [String: String] = [:]) -> Double {
    samples(name)
      .filter { sample in labels.allSatisfy { sample.labels[$0.key] == $0.value } }
      .reduce(0) { $0 + $1.value }
  }
}

/// Puts lines together to families.
private struct FamilyReader {
  let format: MetricPage.Format
  private var families: [MetricPage.Family] = []
  private var names: Set<String> = []
  private var name: String?
  private var type: String?
  private var help: String?
  private var samples: [MetricPage.Sample] = []
  private var hasEnded = false

  init(format: MetricPage.Format) {
    self.format = format
  }

  mutating func read(_ line: ArraySlice<UInt8>) throws {
    if hasEnded { throw TestFailure("after the end") }
    var scanner = LineScanner(line)
    guard scanner.skip("# ") else { return try readSample(&scanner) }

    let keyword = scanner.word()
    if keyword == "EOF", format == .openMetrics, scanner.isAtEnd {
      hasEnded = true
      return
    }
    try scanner.expect(" ")
    let subject = try scanner.metricName()
    try scanner.expect(" ")
    if subject != name || !samples.isEmpty {
      try closeFamily()
      name = subject
    }
    switch keyword {
    case "HELP" where help == nil:
      help = try scanner.text(escapes: format == .text ? "\\n" : "\\n\"", until: nil)
    case "TYPE" where type == nil:
      type = scanner.word()
    case "UNIT" where format == .openMetrics:
      let unit = scanner.word()
      guard subject.hasSuffix("_" + unit) else { throw TestFailure("the name lacks the unit") }
    default:
      throw TestFailure("unknown or repeated comment")
    }
    guard scanner.isAtEnd else { throw TestFailure("more than expected") }
  }

  mutating func finish() throws -> [MetricPage.Family] {
    guard hasEnded || format == .text else { throw TestFailure("no # EOF") }
    try closeFamily()
    return families
  }

  private mutating func readSample(_ scanner: inout LineScanner) throws {
    let sampleName = try scanner.metricName()
    let labels = try scanner.labels()
    try scanner.expect(" ")
    let value = try scanner.number()
    guard scanner.isAtEnd else { throw TestFailure("more than a value") }
    guard let name, let type, help != nil else {
      throw TestFailure("a sample without HELP and TYPE")
    }
    guard suffixes(of: type).contains(where: { name + $0 == sampleName }) else {
      throw TestFailure("no sample of \(type) \(name)")
    }
    samples.append(MetricPage.Sample(name: sampleName, labels: labels, value: value))
  }

  private func suffixes(of type: String) -> [String] {
    switch (type, format) {
    case ("gauge", _): [""]
    case ("counter", .text): [""]
    case ("counter", .openMetrics): ["_total", "_created"]
    case ("info", .openMetrics): ["_info"]
    case ("histogram", .text): ["_bucket", "_sum", "_count"]
    case ("histogram", .openMetrics): ["_bucket", "_sum", "_count", "_created"]
    default: []
    }
  }

  private mutating func closeFamily() throws {
    guard let name else { return }
    guard let type, let help else { throw TestFailure("\(name) lacks HELP or TYPE") }
    guard names.insert(name).inserted else { throw TestFailure("\(name) is in two places") }
    families.append(MetricPage.Family(name: name, type: type, help: help, samples: samples))
    self.name = nil
    self.type = nil
    self.help = nil
    samples = []
  }
}

/// Walks over the bytes of one line.
private struct LineScanner {
  private var rest: ArraySlice<UInt8>

  init(_ line: ArraySlice<UInt8>) {
    rest = line
  }

  var isAtEnd: Bool { rest.isEmpty }

  mutating func skip(_ text: String) -> Bool {
    guard rest.starts(with: text.utf8) else { return false }
    rest = rest.dropFirst(text.utf8.count)
    return true
  }

  mutating func expect(_ text: String) throws {
    guard skip(text) else { throw TestFailure("expected \"\(text)\"") }
  }

  mutating func word() -> String {
    let word = rest.prefix { $0 != UInt8(ascii: " ") }
    rest = rest[word.endIndex...]
    return String(decoding: word, as: UTF8.self)
  }

  mutating func metricName() throws -> String {
    try identifier(alsoColons: true)
  }

  private mutating func identifier(alsoColons: Bool) throws -> String {
    let name = rest.prefix { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
        true
      case UInt8(ascii: ":"): alsoColons
      default: false
      }
    }
    guard let first = name.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else {
      throw TestFailure("not a name")
    }
    rest = rest[name.endIndex...]
    return String(decoding: name, as: UTF8.self)
  }

  mutating func labels() throws -> [String: String] {
    guard skip("{") else { return [:] }
    var labels: [String: String] = [:]
    repeat {
      let name = try identifier(alsoColons: false)
      try expect("=\"")
      let value = try text(escapes: "\\n\"", until: UInt8(ascii: "\""))
      try expect("\"")
      guard labels.updateValue(value, forKey: name) == nil else {
        throw TestFailure("label \(name) twice")
      }
    } while skip(",")
    try expect("}")
    return labels
  }

  /// Text in which a backslash may only stand before one of the given characters.
  mutating func text(escapes: String, until end: UInt8?) throws -> String {
    var text: [UInt8] = []
    while let byte = rest.first, byte != end {
      rest = rest.dropFirst()
      guard byte == UInt8(ascii: "\\") else {
        text.append(byte)
        continue
      }
      guard let escaped = rest.popFirst(), escapes.utf8.contains(escaped) else {
        throw TestFailure("unknown escape")
      }
      text.append(escaped == UInt8(ascii: "n") ? UInt8(ascii: "\n") : escaped)
    }
    return String(decoding: text, as: UTF8.self)
  }

  mutating func number() throws -> Double {
    let word = word()
    switch word {
    case "+Inf": return .infinity
    case "-Inf": return -.infinity
    case "NaN": return .nan
    default:
      let allowed = Set("0123456789+-.eE".utf8)
      guard let value = Double(word), word.utf8.allSatisfy(allowed.contains) else {
        throw TestFailure("not a number: \(word)")
      }
      return value
    }
  }
}
