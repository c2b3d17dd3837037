/// Writes metric families as bytes, in either format. The same calls make the same bytes.
package struct MetricWriter: Sendable {
  package let format: ExpositionFormat
  package private(set) var bytes: [UInt8] = []

  package init(format: ExpositionFormat, capacity: Int = 16 << 10) {
    self.format = format
    bytes.reserveCapacity(capacity)
  }

  /// Writes the samples of one family, behind its TYPE, UNIT and HELP. A family without a sample is
  /// left out altogether.
  package mutating func write(_ family: MetricFamily, _ body: (inout FamilyWriter) -> Void) {
    var writer = FamilyWriter(family: family, format: format, bytes: bytes)
    // Only one of the two may own the bytes, or each family would copy them.
    bytes = []
    body(&writer)
    bytes = writer.bytes
  }

  /// Writes a family of one sample without labels, or nothing where there is no value.
  package mutating func write(_ family: MetricFamily, _ value: (some MetricValue)?) {
    write(family) { $0.sample(value: value) }
  }

  /// Ends the page. OpenMetrics has a mark for it; the text format has none.
  package mutating func end() {
    if format == .openMetrics { bytes.append(contentsOf: "# EOF\n".utf8) }
  }
}

/// Writes the samples of one family.
package struct FamilyWriter {
  /// The network namespace of the samples that follow, their last label `netns`; nil, for the
  /// exporter's own, is no label.
  package var namespace: String?
  private let family: MetricFamily
  private let format: ExpositionFormat
  fileprivate private(set) var bytes: [UInt8]
  private var isHeaded = false

  fileprivate init(family: MetricFamily, format: ExpositionFormat, bytes: [UInt8]) {
    self.family = family
    self.format = format
    self.bytes = bytes
  }

  /// Writes one sample, or nothing where there is no value. The label values stand in the order of
  /// the family's label names.
  package mutating func sample<each Label: LabelValue>(
    _ labels: repeat each Label, value: (some MetricValue)?
  ) {
    guard let value else { return }
    if !isHeaded {
      isHeaded = true
      writeHead()
    }
    append(family.name)
    var count = 0
    for label in repeat each labels {
      append(count == 0 ? "{" : ",")
      append(family.labels[count])
      append("=\"")
      label.append(to: &bytes)
      append("\"")
      count += 1
    }
    assert(count == family.labels.count, "\(family.name) has other labels")
    if let namespace {
      append(count == 0 ? "{netns=\"" : ",netns=\"")
      namespace.append(to: &bytes)
      append("\"")
      count += 1
    }
    if count > 0 { append("}") }
    append(" ")
    value.append(to: &bytes)
    append("\n")
  }

  private mutating func writeHead() {
    // OpenMetrics names a counter's family without the suffix of its samples.
    var nameBytes = family.name.utf8CodeUnitCount
    if format == .openMetrics, family.kind == .counter { nameBytes -= "_total".utf8.count }
    func appendName(to bytes: inout [UInt8]) {
      unsafe bytes.append(
        contentsOf: UnsafeBufferPointer(start: family.name.utf8Start, count: nameBytes))
    }
    append("# HELP ")
    appendName(to: &bytes)
    append(" ")
    append(family.help)
    append("\n# TYPE ")
    appendName(to: &bytes)
    append(family.kind == .counter ? " counter\n" : " gauge\n")
    if format == .openMetrics, let unit = family.unit {
      append("# UNIT ")
      appendName(to: &bytes)
      append(" ")
      append(unit.name)
      append("\n")
    }
  }

  private mutating func append(_ text: StaticString) {
    text.append(to: &bytes)
  }
}
