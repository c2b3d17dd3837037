/// The formats that a page is written in.
package enum ExpositionFormat: Int, CaseIterable, Sendable {
  /// Prometheus text format 0.0.4.
  case text
  /// OpenMetrics 1.0.0.
  case openMetrics

  /// The Content-Type that Prometheus 3 insists on.
  package var contentType: String {
    switch self {
    case .text: "text/plain; version=0.0.4; charset=utf-8"
    case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
    }
  }
}
