import Foundation
import TestSupport
import Testing

/// Every alert leads to a runbook, and a runbook says nothing about the rules and the metrics that is
/// not so.
struct RunbookTests {
  @Test func `every alert has a runbook, and every runbook an alert`() throws {
    let alerts = try Runbook.alerts()
    #expect(!alerts.isEmpty)
    #expect(Set(try Runbook.names()).symmetricDifference(alerts.keys).sorted() == [])
  }

  @Test(arguments: try Runbook.names())
  func `a runbook has its sections in order, and the severities of the rules in its head`(
    _ name: String
  ) throws {
    let runbook = try Runbook(name)
    #expect(runbook.page.title == name)
    #expect(
      runbook.page.sections.map(\.heading)
        == ["What it means", "Confirm", "Usual causes", "Fix", "When to ignore"])
    for section in runbook.page.sections {
      #expect(section.lines.contains { !$0.isEmpty }, "\(name): \(section.heading)")
    }
    let severities = runbook.page.head.matches(of: /\b(critical|warning|info)\b/)
    #expect(Set(severities.map { String($0.0) }) == (try Runbook.alerts()[name]), "\(name)")
  }

  /// With the exporter, and for those who have none.
  @Test(arguments: try Runbook.names())
  func `a runbook says how to confirm, with a query and with a command to paste`(
    _ name: String
  ) throws {
    let runbook = try Runbook(name)
    let confirm = try #require(runbook.page.sections.first { $0.heading == "Confirm" })
    #expect(confirm.lines.contains { $0 == "```sh" || $0 == "```console" }, "\(name)")
    #expect(!MarkdownPage.queries(in: confirm.lines).isEmpty, "\(name)")
  }

  /// A pattern for `grep` or `awk` may have the beginning of a name.
  @Test(arguments: try Runbook.names() + ["README"])
  func `every metric that a runbook names is documented`(_ name: String) throws {
    let documented = try MetricDocumentation().entries.keys
    for line in try Runbook(name).page.allLines {
      let isPattern = line.contains("grep ") || line.contains("awk ")
      for metric in MetricDocumentation.metrics(namedIn: line) where !documented.contains(metric) {
        #expect(isPattern && documented.contains { $0.hasPrefix(metric) }, "\(name): \(metric)")
      }
    }
  }

  @Test(
    .enabled(if: Tools.areInstalled("promtool"), "needs promtool"),
    arguments: try Runbook.names() + ["README"])
  func `every query of a runbook parses`(_ name: String) async throws {
    let queries = MarkdownPage.queries(in: try Runbook(name).page.allLines)
    if queries.isEmpty { return }
    try await onBlockingThread {
      try Tools.withTemporaryDirectory { directory in
        // promtool parses an expression only where a rule has it.
        var rules = "groups:\n- name: runbook\n  rules:\n"
        for (index, query) in queries.enumerated() {
          rules += "  - record: query:number\(index)\n    expr: |\n      \(query)\n"
        }
        let file = directory + "/rules.yml"
        try rules.write(toFile: file, atomically: true, encoding: .utf8)
        try Tools.run(["promtool", "check", "rules", file])
      }
    }
  }

  /// A query that joins by too few labels finds more than one partner where two jobs scrape the same
  /// exporter, or where it knows two network namespaces, and fails then.
  @Test(
    .enabled(if: TestHost.isAvailable, TestHost.unavailability),
    .enabled(if: PrometheusServer.isInstalled, PrometheusServer.unavailability))
  func `Prometheus can evaluate every query of the runbooks`() async throws {
    let queries = try (Runbook.names() + ["README"]).flatMap { name in
      MarkdownPage.queries(in: try Runbook(name).page.allLines).map { (name, $0) }
    }
    let jobs = ["socket-exporter", "again"]
    try await TestHost.run { host in
      try host.makeNetworkNamespace(named: "blue")
      // They only need to be there until the end.
      let actors = try [[], TestHost.inNetworkNamespace("blue")].flatMap { wrapper in
        let server = try host.actor(named: "server", wrapper: wrapper)
        let listener = try server.listen(port: 80)
        let leaver = try host.actor(named: "leaver", wrapper: wrapper)
        try leaver.connect(to: listener, of: server, count: 3)
        try leaver.exit()
        let client = try host.actor(named: "client", wrapper: wrapper)
        try client.connect(to: listener, of: server, count: 2)
        return [server, client]
      }
      let exporter = try host.serve("--collect.interval", "500ms", "--netns", "all")
      let scrapes = jobs.map {
        """
        - job_name: \($0)
          static_configs: [{targets: ["127.0.0.1:\(exporter.port)"]}]
        """
      }
      let prometheus = try PrometheusServer(
        on: host,
        configuration: """
          global: {scrape_interval: 1s, scrape_timeout: 1s}
          scrape_configs:

          """ + scrapes.joined(separator: "\n"))
      try withExtendedLifetime(actors) {
        // What is joined must be there, of both jobs and of both namespaces.
        for metric in ["process_close_wait_oldest_seconds", "ephemeral_ports_used"] {
          _ = try eventually("Prometheus knows socket_\(metric)") {
            let series = try prometheus.query("count by (job, netns) (socket_\(metric))")
            return series.count == 2 * jobs.count ? true : nil
          }
        }
        for (name, query) in queries {
          #expect(throws: Never.self, "\(name): \(query)") { try prometheus.query(query) }
        }
      }
    }
  }

  @Test func `the index has a row for every alert, with its severities and a line about it`() throws
  {
    var rows: [String: Set<String>] = [:]
    for line in try Runbook("README").page.allLines {
      guard let row = line.wholeMatch(of: /\| *\[(\w+)\]\((\w+)\.md\) *\|([^|]*)\|([^|]*)\|/) else {
        continue
      }
      #expect(row.1 == row.2)
      #expect(row.4.contains { $0.isLetter }, "\(row.1)")
      let severities = row.3.matches(of: /\w+/).map { String($0.0) }
      #expect(rows.updateValue(Set(severities), forKey: String(row.1)) == nil, "\(row.1) twice")
    }
    #expect(rows == (try Runbook.alerts()))
  }

  @Test(arguments: try Runbook.names() + ["README"])
  func `links lead to files and headings that are there`(_ name: String) throws {
    let runbook = try Runbook(name)
    for link in runbook.page.links {
      let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
      let target = parts[0].isEmpty ? "\(name).md" : String(parts[0])
      let path = Repository.path("docs/runbooks/\(target)")
      guard FileManager.default.fileExists(atPath: path) else {
        Issue.record("\(name): \(link) leads nowhere")
        continue
      }
      if parts.count == 2 {
        let page = MarkdownPage(try String(contentsOfFile: path, encoding: .utf8))
        #expect(page.anchors.contains(String(parts[1])), "\(name): \(link)")
      }
    }
  }
}

/// A file of `docs/runbooks`.
private struct Runbook {
  let page: MarkdownPage

  init(_ name: String) throws {
    page = MarkdownPage(try Repository.text("docs/runbooks/\(name).md"))
  }

  /// The names of the runbooks, without the index.
  static func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: Repository.path("docs/runbooks"))
      .filter { $0.hasSuffix(".md") && $0 != "README.md" }.map { String($0.dropLast(3)) }.sorted()
  }

  /// The alerts of the rules and the severities that each has.
  static func alerts() throws -> [String: Set<String>] {
    try AlertRule.shipped().reduce(into: [:]) { $0[$1.name, default: []].insert($1.severity) }
  }
}

/// As much of Markdown as the runbooks use.
private struct MarkdownPage {
  struct Section {
    let heading: String
    /// Fenced ones included.
    var lines: [String] = []
  }

  let allLines: [String]
  /// The level-1 heading.
  private(set) var title: String?
  /// What stands between the level-1 heading and the first of level 2.
  private(set) var head = ""
  /// By the headings of level 2.
  private(set) var sections: [Section] = []
  /// Where links in the same repository lead.
  private(set) var links: [String] = []
  /// The names by which links know the headings.
  private(set) var anchors: Set<String> = []

  init(_ text: String) {
    allLines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    var language: String?
    for line in allLines {
      let fence = line.wholeMatch(of: /```(\w*)/)
      if let fence { language = language == nil ? String(fence.1) : nil }

      if language == nil, let heading = line.wholeMatch(of: /(#+) (.*)/) {
        anchors.insert(Self.anchor(of: heading.2))
        if heading.1 == "#" { title = title ?? String(heading.2) }
        if heading.1 == "##" { sections.append(Section(heading: String(heading.2))) }
        if heading.1.count < 3 { continue }
      }
      if sections.isEmpty {
        head += line + "\n"
      } else {
        sections[sections.count - 1].lines.append(line)
      }
      if language == nil {
        links += line.matches(of: /\]\(([^)\s]+)\)/).map { String($0.1) }
          .filter { !$0.contains("://") }
      }
    }
  }

  /// The lines of blocks fenced as `promql`, each of which is one, and what stands between
  /// backquotes in the text, names a metric of the exporter, and is neither a command nor a sample.
  static func queries(in lines: [String]) -> [String] {
    var queries: [String] = []
    var language: String?
    for line in lines {
      if let fence = line.wholeMatch(of: /```(\w*)/) {
        language = language == nil ? String(fence.1) : nil
      } else if language == "promql" {
        if !line.isEmpty { queries.append(line) }
      } else if language == nil, !line.hasPrefix("    ") {
        let code = line.split(separator: "`", omittingEmptySubsequences: false).enumerated()
          .filter { !$0.offset.isMultiple(of: 2) }.map { String($0.element) }
        queries += code.filter {
          $0.contains(/\bsocket_\w/) && !$0.contains(/\b(curl|grep|awk) |[}\w] [\d.]+$/)
        }
      }
    }
    return queries
  }

  private static func anchor(of heading: Substring) -> String {
    String(
      heading.lowercased().compactMap { character in
        character == " "
          ? "-"
          : character.isLetter || character.isNumber || "-_".contains(character) ? character : nil
      })
  }
}
