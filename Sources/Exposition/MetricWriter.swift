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
  package mutating func write(_ family: MetricFamily, _ value: UInt64?) {
    write(family) { $0.sample(value: value) }
  }

  /// Writes a family of one sample without labels, or nothing where there is no value.
  package mutating func write(_ family: MetricFamily, _ value: Double?) {
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
  /// Labels written of the sample at hand.
  private var labelCount = 0

  fileprivate init(family: MetricFamily, format: ExpositionFormat, bytes: [UInt8]) {
    self.family = family
    self.format = format
    self.bytes = bytes
  }

  /// Writes one sample, or nothing where there is no value. The label values stand in the order of
  /// the family's label names.
  package mutating func sample<each Label: LabelValue>(
    _ labels: repeat each Label, value: UInt64?
  ) {
    // Once for each type of value: an optional of any type made a sample a sixth slower.
    guard let value else { return }
    begin()
    for label in repeat each labels { appendLabel(label) }
    end(value)
  }

  /// Writes one sample, or nothing where there is no value.
  package mutating func sample<each Label: LabelValue>(
    _ labels: repeat each Label, value: Double?
  ) {
    guard let value else { return }
    begin()
    for label in repeat each labels { appendLabel(label) }
    end(value)
  }

  /// Writes one sample: 1 for true, 0 for false.
  package mutating func sample<each Label: LabelValue>(
    _ labels: repeat each Label, value: Bool
  ) {
    begin()
    for label in repeat each labels { appendLabel(label) }
    end(value)
  }

  private mutating func begin() {
    labelCount = 0
    guard !isHeaded else { return }
    isHeaded = true
    writeHead()
  }

  private mutating func appendLabel(_ value: some LabelValue) {
    bytes.append(contentsOf: family.openings[labelCount])
    value.append(to: &bytes)
    labelCount += 1
  }

  private mutating func end(_ value: some MetricValue) {
    assert(labelCount == family.labels.count, "\(family.name) has other labels")
    if let namespace { appendLabel(namespace) }
    append(labelCount == 0 ? family.name : "\"}")
    bytes.append(UInt8(ascii: " "))
    value.append(to: &bytes)
    bytes.append(UInt8(ascii: "\n"))
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
