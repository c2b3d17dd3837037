import Foundation
import TestSupport
import Testing

/// Every page there is, read by programs that do not know the exporter.
struct PageTests {
  /// The recorded pages of fixed snapshots.
  private static let goldenFiles: [String] = {
    let names = try? FileManager.default.contentsOfDirectory(atPath: Fixtures.path("golden"))
    return (names ?? []).filter { $0.hasSuffix(".prom") || $0.hasSuffix(".om") }.sorted()
  }()

  @Test(
    .enabled(if: PythonReader.isAvailable, PythonReader.unavailability),
    .enabled(if: Curl.isInstalled, Curl.unavailability),
    arguments: [MetricPage.Format.text, .openMetrics])
  func `the Python parsers read a real page as we do`(format: MetricPage.Format) async throws {
    let page = try await page(as: format)
    try await onBlockingThread { try Self.expectSameReading(page, as: format) }
  }

  @Test(
    .enabled(if: PythonReader.isAvailable, PythonReader.unavailability),
    .enabled(if: !goldenFiles.isEmpty, "there are no golden files"),
    arguments: goldenFiles)
  func `the Python parsers read the golden pages as we do`(_ name: String) async throws {
    let page = try Fixtures.bytes("golden/" + name)
    try await onBlockingThread {
      try Self.expectSameReading(page, as: name.hasSuffix(".om") ? .openMetrics : .text)
    }
  }

  @Test(
    .enabled(if: Tools.areInstalled("promtool", "sh"), "needs promtool"),
    .enabled(if: Curl.isInstalled, Curl.unavailability))
  func `promtool has nothing to say about a real page`() async throws {
    let page = try await page(as: .text)
    try await onBlockingThread { try Self.expectNoLint(page) }
  }

  @Test(
    .enabled(if: Tools.areInstalled("promtool", "sh"), "needs promtool"),
    .enabled(if: !goldenFiles.isEmpty, "there are no golden files"),
    arguments: goldenFiles.filter { $0.hasSuffix(".prom") })
  func `promtool has nothing to say about the golden pages`(_ name: String) async throws {
    let page = try Fixtures.bytes("golden/" + name)
    try await onBlockingThread { try Self.expectNoLint(page) }
  }

  /// A page with process names that are hard to write, where the test may make them.
  private func page(as format: MetricPage.Format) async throws -> [UInt8] {
    try await Curl.withExporter { host in
      for name in ["a\"b\\c", "new\nline", "}{ # \\n", "é\u{2028}ü"] {
        _ = try host.actor(named: name).socket(.udp4)
      }
      try host.actor(named: "x").name(bytes: [0xff, 0x22, 0xc3])
    } _: { client in
      let accept = format == .openMetrics ? AcceptHeader.prometheus2 : AcceptHeader.textOnly
      return try client.get("/metrics", "-H", "Accept: \(accept)").body
    }
  }

  private static func expectSameReading(_ page: [UInt8], as format: MetricPage.Format) throws {
    let ours = try MetricPage(page, as: format).families.flatMap(\.samples).map {
      PythonReader.Sample(name: $0.name, labels: $0.labels, value: $0.value)
    }
    let theirs = try PythonReader.samples(page, as: format)
    #expect(!theirs.isEmpty)
    #expect(Set(ours).symmetricDifference(theirs).isEmpty)
  }

  /// `promtool check metrics` reads standard input only.
  private static func expectNoLint(_ page: [UInt8]) throws {
    try Tools.withTemporaryDirectory { directory in
      try Data(page).write(to: URL(filePath: directory + "/page"))
      let said = try Tools.run(
        ["sh", "-c", "exec promtool check metrics < \"$1\"", "sh", directory + "/page"])
      #expect(said.text == "" && said.errors == "")
    }
  }
}
