import Exposition
import Foundation
import Metrics
import SocketModel
import TestSupport
import Testing

/// The whole page of a made-up host, byte for byte. After a wanted change `make golden` writes the
/// files anew; read the diff.
struct GoldenTests {
  static let build = BuildInfo(version: "1.2.3", revision: "0123abc", swift: "6.3")

  static let http = HTTPCounts(
    requests: [(200, 12), (404, 1), (503, 0)],
    rejected: [("max_requests", 0), ("timeout", 2)])

  /// Nothing could be read yet, without root, where netlink is refused.
  static var empty: Snapshot {
    var snapshot = Snapshot(backend: .procfs)
    snapshot.collectors = Collector.allCases.map {
      var status = CollectorStatus(collector: $0, interval: .milliseconds(500))
      status.errors = 1
      return status
    }
    return snapshot
  }

  @Test(
    arguments: [("troubled", TroubledHost.snapshot), ("empty", empty)], ExpositionFormat.allCases)
  func pageIsTheGoldenOne(snapshot: (name: String, value: Snapshot), format: ExpositionFormat)
    throws
  {
    let file = "golden/\(snapshot.name).\(format == .text ? "prom" : "om")"
    let page = MetricsPage(
      snapshot.value, build: Self.build, http: Self.http, format: format)
    if ProcessInfo.processInfo.environment["SOCKET_EXPORTER_WRITE_GOLDEN"] != nil {
      try Data(page.bytes).write(to: URL(filePath: Fixtures.path(file)))
    }
    #expect(
      String(decoding: page.bytes, as: UTF8.self)
        == String(decoding: try Fixtures.bytes(file), as: UTF8.self))
  }

  @Test(arguments: ExpositionFormat.allCases)
  func selectionLeavesOutTheOthersOnly(format: ExpositionFormat) {
    let page = MetricsPage(
      TroubledHost.snapshot, build: Self.build, http: Self.http, format: format)
    #expect(page.bytes(selecting: Set(Collector.allCases)) == page.bytes)
    var onlyTCP = TroubledHost.snapshot
    onlyTCP.sockstat = nil
    onlyTCP.process = nil
    onlyTCP.listener = nil
    onlyTCP.port = nil
    onlyTCP.zombie = nil
    onlyTCP.limit = nil
    let expected = MetricsPage(onlyTCP, build: Self.build, http: Self.http, format: format)
    #expect(page.bytes(selecting: [.tcp]) == expected.bytes)
  }

  @Test func exporterMetricsCanBeLeftOut() {
    let page = MetricsPage(
      TroubledHost.snapshot, build: Self.build, http: Self.http, includesExporter: false,
      format: .text)
    let text = String(decoding: page.bytes, as: UTF8.self)
    #expect(text.contains("socket_tcp_sockets"))
    #expect(!text.contains("socket_exporter_"))
    #expect(!text.contains("\nprocess_"))
  }
}
