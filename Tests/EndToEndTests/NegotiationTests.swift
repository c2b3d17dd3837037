import Foundation
import TestSupport
import Testing

/// What clients that exist get, byte for byte.
@Suite(.enabled(if: Curl.isInstalled, Curl.unavailability))
struct NegotiationTests {
  private static let text = "text/plain; version=0.0.4; charset=utf-8"
  private static let openMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8"

  @Test func `every client gets the format it prefers, and text if it has no preference`()
    async throws
  {
    try await Curl.withExporter { client in
      for accept in [AcceptHeader.prometheus2, AcceptHeader.prometheus3] {
        let answer = try client.get("/metrics", "-H", "Accept: \(accept)")
        #expect(answer.status == 200 && answer.contentType == Self.openMetrics, "\(accept)")
        _ = try MetricPage(answer.body, as: .openMetrics)
      }
      let others = [AcceptHeader.textOnly, AcceptHeader.curl, AcceptHeader.browser]
      for accept in others + AcceptHeader.garbage {
        // A semicolon instead of a colon is how curl sends an empty header.
        let header = accept.isEmpty ? "Accept;" : "Accept: \(accept)"
        let answer = try client.get("/metrics", "-H", header)
        #expect(answer.status == 200 && answer.contentType == Self.text, "\(accept)")
        _ = try MetricPage(answer.body)
      }
      let silent = try client.get("/metrics", "-H", "Accept:")
      #expect(silent.status == 200 && silent.contentType == Self.text)
    }
  }

  @Test(
    .enabled(if: Tools.areInstalled("gzip"), "needs gzip"),
    arguments: [AcceptHeader.curl, AcceptHeader.prometheus2])
  func `gzip holds the same page`(accept: String) async throws {
    // One sample, hence one page, for the time of this test.
    try await Curl.withExporter(interval: "1h") { client in
      let plain = try client.get("/metrics", "-H", "Accept: \(accept)")
      let packed = try client.get(
        "/metrics", "-H", "Accept: \(accept)", "-H", "Accept-Encoding: gzip")
      #expect(plain.headers["content-encoding"] == nil)
      #expect(packed.headers["content-encoding"] == "gzip")
      #expect(packed.contentType == plain.contentType)
      #expect(packed.headers["content-length"] == "\(packed.body.count)")
      #expect(packed.body.count < plain.body.count / 2)
      for answer in [plain, packed] {
        let vary = answer.headers["vary"]?.lowercased() ?? ""
        #expect(vary.contains("accept") && vary.contains("accept-encoding"))
      }

      let unpacked = try Tools.withTemporaryDirectory { directory in
        try Data(packed.body).write(to: URL(filePath: directory + "/page.gz"))
        return try Tools.run(["gzip", "-dc", directory + "/page.gz"]).output
      }
      #expect(unpacked == plain.body)
    }
  }

  @Test func `HEAD answers as GET does, without the page`() async throws {
    try await Curl.withExporter(interval: "1h") { client in
      for accept in [AcceptHeader.curl, AcceptHeader.prometheus3] {
        let get = try client.get("/metrics", "-H", "Accept: \(accept)")
        let head = try client.get("/metrics", "--head", "-H", "Accept: \(accept)")
        #expect(head.status == 200)
        #expect(head.body.isEmpty)
        #expect(head.headers["content-length"] == "\(get.body.count)")
        #expect(
          head.headers.filter { $0.key != "date" } == get.headers.filter { $0.key != "date" })
      }
    }
  }
}
