package import Exposition
package import SocketModel

/// A page of metrics in one format, kept in sections so that a client may ask for some collectors
/// only.
package struct MetricsPage: Sendable {
  /// What writes the metrics of each collector. To add a collector, add a line.
  private static let collectors:
    [(collector: Collector, write: @Sendable (Snapshot, inout MetricWriter) -> Void)] = [
      (.sockstat, { SockstatMetrics.write($0, to: &$1) }),
      (.tcp, { TCPMetrics.write($0, to: &$1) }),
      (.process, { ProcessMetrics.write($0, to: &$1) }),
      (.listener, { ListenerMetrics.write($0, to: &$1) }),
      (.port, { PortMetrics.write($0, to: &$1) }),
      (.zombie, { ZombieMetrics.write($0, to: &$1) }),
      (.limit, { LimitMetrics.write($0, to: &$1) }),
    ]

  package let format: ExpositionFormat
  /// The whole page.
  package let bytes: [UInt8]
  /// Where in `bytes` each collector's families lie, in the order of the page.
  private let sections: [(collector: Collector, range: Range<Int>)]

  /// Renders a snapshot.
  /// - Parameters:
  ///   - http: the server's counts; nil where there is no server.
  ///   - includesExporter: whether the exporter's own metrics are part of the page.
  package init(
    _ snapshot: Snapshot, build: BuildInfo, http: HTTPCounts?, includesExporter: Bool = true,
    format: ExpositionFormat
  ) {
    // Most of a long page are groups, each with a good kilobyte. To grow on the way takes half as
    // long again.
    let groups = snapshot.process?.groups.count ?? 0
    var writer = MetricWriter(format: format, capacity: 16 << 10 + groups * 1536)
    var sections: [(collector: Collector, range: Range<Int>)] = []
    for (collector, write) in Self.collectors {
      let start = writer.bytes.count
      write(snapshot, &writer)
      sections.append((collector, start..<writer.bytes.count))
    }
    if includesExporter {
      ExporterMetrics.write(snapshot, build: build, http: http, to: &writer)
    }
    writer.end()
    self.format = format
    self.sections = sections
    bytes = writer.bytes
  }

  /// The page without the families of the other collectors. The exporter's own stay.
  package func bytes(selecting selected: Set<Collector>) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    var end = 0
    for (collector, range) in sections {
      if selected.contains(collector) { result.append(contentsOf: bytes[range]) }
      end = range.upperBound
    }
    result.append(contentsOf: bytes[end...])
    return result
  }
}
