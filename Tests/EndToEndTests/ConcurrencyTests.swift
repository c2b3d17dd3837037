import Foundation
import TestSupport
import Testing

@Suite(
  .enabled(if: TestHost.isAvailable, TestHost.unavailability),
  .enabled(if: Curl.isInstalled, Curl.unavailability))
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
    try await TestHost.run { host in
      let exporter = try host.serve("--collect.interval", "200ms")
      let client = Curl(exporter, on: host)
      var count = 0
      // The same bytes need to be read only once.
      var pages: [MetricPage.Format: Set<[UInt8]>] = [:]
      var samples: Set<Double> = []
      let deadline = Deadline(after: .patience)
      let shortest = Deadline(after: .seconds(3))
      repeat {
        let directories = try Self.crowds.map { _ in try TemporaryDirectory() }
        let clients = try zip(Self.crowds, directories).map { crowd, directory in
          try host.start(
            client.command(
              times: 100, connections: crowd.connections, into: directory.path,
              ["-H", "Accept: \(crowd.accept)"] + crowd.arguments))
        }
        for (index, crowd) in Self.crowds.enumerated() {
          let outcome = try clients[index].outcome()
          try #require(outcome.exit == .code(0), "curl: \(outcome.errors)")
          for name in try FileManager.default.contentsOfDirectory(atPath: directories[index].path) {
            let file = URL(filePath: directories[index].path + "/" + name)
            let page = [UInt8](try Data(contentsOf: file))
            if pages[crowd.format, default: []].insert(page).inserted {
              samples.insert(try Self.sample(on: page, as: crowd.format))
            }
            count += 1
          }
        }
      } while !(shortest.hasPassed && samples.count >= 3) && !deadline.hasPassed

      #expect(count >= 400)
      #expect(samples.count >= 3)
    }
  }

  /// Looks whether a page is whole; returns when its sample was taken.
  ///
  /// The reader refuses what is cut short, repeated or mixed up within a line. Beyond that, a whole page
  /// has what it says it has, and ends as every page does.
  private static func sample(on bytes: [UInt8], as format: MetricPage.Format) throws -> Double {
    let page = try MetricPage(bytes, as: format)
    #expect(page.families.last?.name == "process_start_time_seconds")
    #expect(page.samples("socket_exporter_collector_success").count == 7)
    let tcp = ["collector": "tcp"]
    let isFresh = page.value("socket_exporter_collector_success", tcp) == 1
    #expect(page.samples("socket_tcp_sockets").count == (isFresh ? 22 : 0))
    return try #require(
      page.value("socket_exporter_collector_last_success_timestamp_seconds", tcp))
  }
}
