internal import Exposition
internal import HTTPServer
internal import Metrics
internal import Sampling
internal import SocketModel

/// What the server answers. Nothing here waits for a sample: everything is made of the last one.
struct Routes: Sendable {
  let cache: SnapshotCache<Pages>
  let telemetryPath: String
  /// The collectors that are on, in the order of the page.
  let collectors: [Collector]

  var router: Router {
    Router([
      Router.Route(telemetryPath) { request in metrics(request) },
      Router.Route("/") { _ in landingPage() },
      Router.Route("/-/healthy") { _ in Self.healthy },
      Router.Route("/-/ready") { _ in ready() },
    ])
  }

  private static let healthy = HTTPResponse(.ok, text: "healthy\n")
  private static let isReady = HTTPResponse(.ok, text: "ready\n")
  private static let noSample = HTTPResponse(
    .serviceUnavailable, text: "not ready: no sample has been taken yet\n")

  private func metrics(_ request: borrowing HTTPRequest) -> HTTPResponse {
    guard let pages = cache.published?.rendered else { return Self.noSample }
    let format = ContentNegotiation.format(accept: request.header("Accept"))
    let acceptsGzip = ContentNegotiation.acceptsGzip(
      acceptEncoding: request.header("Accept-Encoding"))
    do {
      guard let selected = try CollectorSelection.parse(request.query, from: collectors) else {
        return pages.response(format, compressed: acceptsGzip)
      }
      return pages.response(format, selecting: selected, compressed: acceptsGzip)
    } catch {
      return HTTPResponse(.badRequest, text: "\(error)\n")
    }
  }

  private func ready() -> HTTPResponse {
    guard let published = cache.published, let sampled = published.sampled else {
      return Self.noSample
    }
    let age = ContinuousClock.now - sampled.instant
    guard age <= published.staleAge else {
      return HTTPResponse(
        .serviceUnavailable, text: "not ready: the last sample is \(age.seconds) s old\n")
    }
    return Self.isReady
  }

  private func landingPage() -> HTTPResponse {
    let age = (cache.published?.sampled).map { ContinuousClock.now - $0.instant }
    return HTTPResponse(
      contentType: "text/html; charset=utf-8",
      body: HTTPBody(
        LandingPage.html(build: .current, telemetryPath: telemetryPath, sampleAge: age)))
  }
}

extension Duration {
  /// Seconds with one decimal, to be read by people.
  var seconds: String {
    let tenths = Int64((self / .milliseconds(100)).rounded())
    return "\(tenths / 10).\(tenths % 10)"
  }
}
