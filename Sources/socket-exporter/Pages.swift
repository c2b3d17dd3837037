internal import Exposition
internal import HTTPServer
internal import Metrics
internal import SocketModel
internal import Synchronization

/// The page of metrics of one snapshot, in both formats, plain and compressed.
///
/// Each is made when it is asked for first, and kept as long as the snapshot: who scrapes takes one
/// of the four, and less often than samples are taken.
final class Pages: Sendable {
  private let snapshot: Snapshot
  private let http: @Sendable () -> HTTPCounts?
  private let includesExporter: Bool
  private let made = Mutex(Made())

  private struct Made {
    var pages: [MetricsPage?] = Array(repeating: nil, count: ExpositionFormat.allCases.count)
    var responses: [HTTPResponse?] = Array(
      repeating: nil, count: ExpositionFormat.allCases.count * 2)
  }

  /// - Parameter http: the server's counts, asked when a page is made.
  init(_ snapshot: Snapshot, http: @escaping @Sendable () -> HTTPCounts?, includesExporter: Bool) {
    self.snapshot = snapshot
    self.http = http
    self.includesExporter = includesExporter
  }

  /// The whole page.
  func response(_ format: ExpositionFormat, compressed: Bool) -> HTTPResponse {
    made.withLock { made in
      let place = format.rawValue * 2 + (compressed ? 1 : 0)
      if let response = made.responses[place] { return response }
      let response = Self.response(
        self.page(format, &made).bytes, format, compressed: compressed)
      made.responses[place] = response
      return response
    }
  }

  /// The page without the families of the other collectors.
  func response(
    _ format: ExpositionFormat, selecting collectors: Set<Collector>, compressed: Bool
  ) -> HTTPResponse {
    let page = made.withLock { made in self.page(format, &made) }
    return Self.response(page.bytes(selecting: collectors), format, compressed: compressed)
  }

  private func page(_ format: ExpositionFormat, _ made: inout Made) -> MetricsPage {
    if let page = made.pages[format.rawValue] { return page }
    let page = MetricsPage(
      snapshot, build: .current, http: http(), includesExporter: includesExporter,
      format: format)
    made.pages[format.rawValue] = page
    return page
  }

  private static func response(
    _ bytes: [UInt8], _ format: ExpositionFormat, compressed: Bool
  ) -> HTTPResponse {
    var headers = [HTTPHeader("Vary", "Accept, Accept-Encoding")]
    var body = bytes
    // Without memory for zlib the page goes as it is.
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
