import Foundation
import TestSupport
import Testing

struct ManualTests {
  @Test(.enabled(if: Tools.areInstalled("mandoc", "man"), "needs mandoc and man"))
  func `neither mandoc nor groff has to complain about the page`() async throws {
    try await CommandDocuments.with { directory in
      let page = directory + "/" + CommandDocuments.page
      let lint = try Tools.outcome(of: ["mandoc", "-T", "lint", "-W", "style", page])
      // What this machine's index of pages lacks is not ours.
      let complaints = lint.text.split(separator: "\n").filter { !$0.contains("mandoc.db") }
      #expect(complaints == [])
      // In a locale that is there: man complains of others, too.
      let groff = try Tools.run(
        ["env", "LC_ALL=C.UTF-8", "man", "--warnings", "--pager=cat", "--local-file", page],
        within: .seconds(600))
      #expect(groff.errors == "")
      #expect(groff.text.contains("SOCKET-EXPORTER(1)"))
    }
  }

  @Test(.enabled(if: Tools.areInstalled("mandoc"), "needs mandoc"))
  func `the page has the options of --help, and no others`() async throws {
    try await CommandDocuments.with { directory in
      let shown = try Self.shown(directory)
      // A line with nothing but names, and what their value is called.
      let lines = shown.matches(of: /(?m)^ +(--?[a-z][a-z.-]*(?:, --?[a-z][a-z.-]*)*)(?: [a-z]+)?$/)
      let described = lines.flatMap { $0.1.split(separator: ", ").map(String.init) }
      let options = try CommandDocuments.options(of: "serve")
        .union(CommandDocuments.options(of: "metrics"))
      #expect(options.contains("--web.systemd-socket"))
      #expect(options.contains("--no-collector.tcp"))
      #expect(options.contains("--format"))
      #expect(Set(described) == options)
    }
  }

  @Test(.enabled(if: Tools.areInstalled("mandoc"), "needs mandoc"))
  func `the page tells its version and its date`() async throws {
    try await CommandDocuments.with { directory in
      let shown = try Self.shown(directory)
      let version = try #require(
        Exporter.run(["--version"]).text.firstMatch(of: /socket-exporter ([0-9.]+)/)?.1)
      #expect(shown.contains("This page tells of version \(version)."))
      #expect(shown.contains(/January 1, 1970/))
    }
  }

  /// The page as a terminal shows it, less what makes letters bold there.
  private static func shown(_ directory: String) throws -> String {
    let page = directory + "/" + CommandDocuments.page
    return try Tools.run(["mandoc", "-T", "ascii", "-O", "width=120", page], within: .seconds(600))
      .text.replacing(/.\u{8}/, with: "")
  }
}
