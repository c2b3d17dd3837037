import Foundation
import TestSupport
import Testing

@Suite(.enabled(if: Curl.isInstalled, Curl.unavailability))
struct ConcurrencyTests {
  /// A way to ask for the page, and how many do so at a time.
  private struct Crowd {
    let connections: Int
    let accept: String
    let format: MetricPage.Format
    var arguments: [String] = []
  }

  private static let crowds = [
    Crowd(connections: 7, accept: AcceptHeader.textOnly, format: .text),
    Crowd(connections: 6, accept: AcceptHeader.prometheus2, format: .openMetrics),
    Crowd(
      connections: 6, accept: AcceptHeader.textOnly, format: .text, arguments: ["--compressed"]),
    Crowd(
      connections: 6, accept: AcceptHeader.prometheus3, format: .openMetrics,
      arguments: ["--compressed"]),
  ]

  @Test func `25 clients at once get whole pages while the exporter samples`() async throws {
    let (exporter, client) = try await onBlockingThread {
      try Curl.serve("--collect.interval", "100ms")
    }
    defer { exporter.process.end() }
    let pages = try await withThrowingTaskGroup(of: [MetricPage].self) { group in
      for crowd in Self.crowds {
        group.addTask { try await Self.pages(for: crowd, from: client, during: .seconds(3)) }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }

    #expect(pages.count >= 500)
    // The pages came from many samples, and each page is whole: it has the last of its families,
    // and every state of both families.
    let samples = Set(
      pages.compactMap {
        $0.value(
          "socket_exporter_collector_last_success_timestamp_seconds", ["collector": "tcp"])
      })
    #expect(samples.count >= 10)
    for page in pages {
      #expect(page.families.last?.name == pages[0].families.last?.name)
      #expect(page.samples("socket_tcp_sockets").count == 22)
      #expect(page.sum("socket_exporter_collector_success") == 4)
    }
  }

  /// The crowds must be there at the same time, so each has a thread of its own.
  private static func pages(
    for crowd: Crowd, from client: Curl, during time: Duration
  ) async throws -> [MetricPage] {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread {
        continuation.resume(
          with: Result {
            var pages: [MetricPage] = []
            let deadline = Deadline(after: time)
            repeat {
              try Tools.withTemporaryDirectory { directory in
                try client.getMany(
                  40, connections: crowd.connections, into: directory,
                  ["-H", "Accept: \(crowd.accept)"] + crowd.arguments)
                for name in try FileManager.default.contentsOfDirectory(atPath: directory) {
                  let bytes = try Data(contentsOf: URL(filePath: directory + "/" + name))
                  pages.append(try MetricPage([UInt8](bytes), as: crowd.format))
                }
              }
            } while !deadline.hasPassed
            return pages
          })
      }
    }
  }
}
