import Foundation
import TestSupport
import Testing

/// Grafana's own types for its dashboards, of three of its versions, by a script that fetches them.
struct DashboardSchemaTests {
  private static let script = Repository.path("dashboards/check_schema.py")
  private static let types = Repository.path(".build/grafana-schema")
  private static let files = Dashboard.all.map { Repository.path("dashboards/" + $0) }
  private static let isAvailable =
    (try? Tools.run(["python3", "-B", script, types, "install"], within: .seconds(600))) != nil

  @Test(.enabled(if: isAvailable, "needs grafana-foundation-sdk from PyPI"))
  func `Grafana 10, 11 and 12 know everything that is in the dashboards`() async throws {
    try await onBlockingThread {
      let checked = try Tools.outcome(
        of: ["python3", "-B", Self.script, Self.types, "check"] + Self.files)
      #expect(checked.exit == .code(0) && checked.text.isEmpty, "\(checked.text)\(checked.errors)")
    }
  }

  @Test(
    .enabled(if: isAvailable, "needs grafana-foundation-sdk from PyPI"),
    arguments: [
      (#""graphTooltip": 1"#, #""graphTooltips": 1"#, "graphTooltips is unknown"),
      (#""refId": "A""#, #""refID": "A""#, "refID is unknown"),
      (#""fillOpacity""#, #""fillOpacty""#, "custom.fillOpacty is unknown"),
      (#""colorMode""#, #""colourMode""#, "options.colourMode is unknown"),
      (#""showPoints": "never""#, #""showPoints": "no""#, "show_points is 'no'"),
    ])
  func `a name or a value that Grafana does not know is named`(
    _ ours: String, _ mistaken: String, _ complaint: String
  ) async throws {
    try await onBlockingThread {
      try Tools.withTemporaryDirectory { directory in
        let file = directory + "/mistaken.json"
        try Repository.text("dashboards/overview.json").replacing(ours, with: mistaken)
          .write(toFile: file, atomically: true, encoding: .utf8)
        let checked = try Tools.outcome(of: [
          "python3", "-B", Self.script, Self.types, "check", file,
        ])
        #expect(checked.exit == .code(1))
        for version in [10, 11, 12] {
          let complaints = checked.text.split(separator: "\n").filter {
            $0.hasPrefix("Grafana \(version): mistaken.json: ") && $0.contains(complaint)
          }
          #expect(!complaints.isEmpty, "Grafana \(version)")
        }
      }
    }
  }
}
