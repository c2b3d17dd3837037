internal import Exposition
internal import HTTPServer
internal import Metrics
internal import SocketModel

/// The page of metrics of one snapshot: in both formats, plain and compressed, ready to be sent.
struct Pages: Sendable {
  private let variants: [Variant]

  /// One format of the page.
  struct Variant: Sendable {
    let page: MetricsPage
    let plain: HTTPResponse
    /// The same bytes if zlib had no memory.
    let compressed: HTTPResponse
  }

  init(_ snapshot: Snapshot, http: HTTPCounts?, includesExporter: Bool) {
    variants = ExpositionFormat.allCases.map { format in
      let page = MetricsPage(
        snapshot, build: .current, http: http, includesExporter: includesExporter, format: format)
      return Variant(
        page: page, plain: Self.response(page.bytes, format, compressed: false),
        compressed: Self.response(page.bytes, format, compressed: true))
    }
  }

  subscript(format: ExpositionFormat) -> Variant { variants[format.rawValue] }

  /// An answer of a page, or a part of one.
  static func response(
    _ bytes: [UInt8], _ format: ExpositionFormat, compressed: Bool
  ) -> HTTPResponse {
    var headers = [HTTPHeader("Vary", "Accept, Accept-Encoding")]
    var body = bytes
    if compressed, let gzipped = Gzip.compress(bytes) {
      headers.append(HTTPHeader("Content-Encoding", "gzip"))
      body = gzipped
    }
    return HTTPResponse(
      contentType: format.contentType, headers: headers, body: HTTPBody(body))
  }
}

extension HTTPCounts {
  init(_ statistics: HTTPStatistics) {
    self.init(
      requests: HTTPStatus.allCases.map { (Int32($0.rawValue), statistics.requests($0)) },
      rejected: HTTPRejection.allCases.map { ($0.rawValue, statistics.rejected($0)) })
  }
}
