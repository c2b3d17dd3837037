import Foundation
import TestSupport
import Testing

/// The shipped configuration, rules and cases, as the tools of Prometheus and Alertmanager see them.
struct AlertRuleTests {
  private static let directory = "deploy/prometheus/"
  private static let rules = AlertRule.file
  static let cases = ["exporter", "close-wait", "processes", "listeners", "limits"]
    .map { directory + "tests/\($0).test.yml" }

  @Test(.enabled(if: Tools.areInstalled("promtool"), "needs promtool"))
  func `Prometheus accepts the configuration and the rules`() async throws {
    try await onBlockingThread {
      for (kind, file) in [("config", Self.directory + "prometheus.yml"), ("rules", Self.rules)] {
        try Tools.run([
          "promtool", "check", kind, "--lint=all", "--lint-fatal", Repository.path(file),
        ])
      }
    }
  }

  @Test(.enabled(if: Tools.areInstalled("amtool"), "needs amtool"))
  func `Alertmanager accepts the configuration and routes by severity`() async throws {
    try await onBlockingThread {
      let file = Repository.path("deploy/alertmanager/alertmanager.yml")
      try Tools.run(["amtool", "check-config", file])
      for (severity, receiver) in [
        ("critical", "page"), ("warning", "ticket"), ("info", "nowhere"),
      ] {
        try Tools.run([
          "amtool", "config", "routes", "test", "--config.file", file,
          "--verify.receivers", receiver, "severity=\(severity)",
        ])
      }
    }
  }

  @Test(.enabled(if: Tools.areInstalled("promtool"), "needs promtool"), arguments: cases)
  func `the alerts fire and resolve when their cases say so`(_ file: String) async throws {
    try await onBlockingThread {
      _ = try Tools.run(["promtool", "test", "rules", Repository.path(file)])
    }
  }

  /// What is changed in a rule to see that its cases notice.
  enum Change: CaseIterable {
    case lowerFirstNumber, raiseFirstNumber, lowerSecondNumber, raiseSecondNumber
    case lowerThirdNumber, raiseThirdNumber, lowerFourthNumber, raiseFourthNumber
    case halveWait, doubleWait
    case forgetSooner
  }

  @Test(
    .enabled(if: Tools.areInstalled("promtool"), "needs promtool"), .serialized,
    arguments: Change.allCases)
  func `the cases of every rule notice that it has changed`(_ change: Change) async throws {
    try await onBlockingThread {
      for file in Self.cases {
        let rules = try Self.rules(ofGroupIn: file)
        // Both rules of a name at once could not be told apart in what fails.
        for isCritical in [true, false] {
          var changed: [String: String] = [:]
          for rule in rules where (rule.severity == "critical") == isCritical {
            changed[rule.name] = rule.text(after: change)
          }
          guard !changed.isEmpty else { continue }
          let others = rules.filter { changed[$0.name] != nil }
          let texts = others.map { rule in
            (rule.severity == "critical") == isCritical ? changed[rule.name]! : rule.text
          }
          let failed = try Self.alerts(in: file, failingWith: texts)
          for name in changed.keys {
            #expect(failed.contains(name), "\(name), \(isCritical ? "" : "not ")critical")
          }
        }
      }
    }
  }

  /// The rules whose cases a file has: those of the group that it is called after.
  private static func rules(ofGroupIn file: String) throws -> [AlertRule] {
    let name = URL(filePath: file).lastPathComponent.prefix { $0 != "." }
    let groups = try Repository.text(Self.rules).split(separator: "  - name: ")
    let group = try #require(groups.first { $0.hasPrefix("socket-\(name)\n") })
    return AlertRule.all(in: String(group))
  }

  /// The alerts that have a case in a file which fails with these rules.
  private static func alerts(in file: String, failingWith rules: [String]) throws -> Set<String> {
    try Tools.withTemporaryDirectory { directory in
      let text = ["groups:\n  - name: changed\n    rules:\n"] + rules.map { "      - alert: \($0)" }
      try text.joined().write(
        toFile: directory + "/socket-exporter.alerts.yml", atomically: true, encoding: .utf8)
      let copy = directory + "/tests.yml"
      try Repository.text(file)
        .replacing("../socket-exporter.alerts.yml", with: "socket-exporter.alerts.yml")
        .write(toFile: copy, atomically: true, encoding: .utf8)
      let outcome = try Tools.outcome(of: ["promtool", "test", "rules", copy])
      return Set(outcome.errors.matches(of: /alertname: (\w+), time/).map { String($0.1) })
    }
  }

  @Test func `every alert says how severe it is, what to type next and where to read on`() throws {
    let text = try Repository.text(Self.rules)
    let rules = AlertRule.all(in: text)
    #expect(!rules.isEmpty)
    #expect(rules.count == text.ranges(of: "- alert: ").count)
    for rule in rules {
      #expect(["info", "warning", "critical"].contains(rule.severity), "\(rule.name)")
      #expect(rule.annotation("summary", in: text) != nil, "\(rule.name) has no summary")
      let description = rule.annotation("description", in: text) ?? ""
      #expect(
        description.contains(/`[a-z][^`]+`/), "\(rule.name) names no command")
      #expect(description.contains("`curl "), "\(rule.name) names no command for here")
      #expect(
        rule.text.contains(
          "runbook_url: \"https://socket-exporter.example/docs/runbooks/\(rule.name).md\""),
        "\(rule.name)")
      #expect(
        FileManager.default.fileExists(atPath: Repository.path("docs/runbooks/\(rule.name).md")),
        "\(rule.name) has no runbook")
    }
  }

  /// Whoever may start a program chooses its name, and commands out of alerts are typed by root.
  @Test func `no command in an alert contains a name that a stranger chooses`() throws {
    let commands = try Repository.text(Self.rules).matches(of: /`[^`]+`/)
    #expect(!commands.isEmpty)
    for command in commands {
      #expect(!command.0.contains(/labels\.(process|parent)|label "(process|parent)"/))
    }
  }

  @Test func `every severity of an alert has cases in which it fires and in which it does not`()
    throws
  {
    let checks = try Self.cases.flatMap { try Repository.text($0).split(separator: "alertname: ") }
    for rule in try AlertRule.shipped() {
      let own = checks.filter { $0.prefix { $0.isLetter } == rule.name }
      let fires = own.map { $0.contains("exp_labels: { severity: \(rule.severity),") }
      #expect(fires.contains(true), "\(rule.name), \(rule.severity), fires in no case")
      #expect(fires.contains(false), "\(rule.name), \(rule.severity), fires in all cases")
    }
  }

  @Test func `what is critical is later than what is a warning`() throws {
    let rules = try AlertRule.shipped()
    for critical in rules where critical.severity == "critical" {
      guard
        let warning = rules.first(where: { $0.name == critical.name && $0.severity == "warning" }),
        let threshold = critical.numbers.last?.value, let earlier = warning.numbers.last?.value
      else { continue }
      #expect(earlier < threshold, "\(critical.name)")
    }
  }

  @Test func `the table of alerts lists what there is`() throws {
    let rules = try AlertRule.shipped()
    let rows = try Repository.text(Self.directory + "README.md")
      .matches(of: /(?m)^\| `(\w+)` \| (\w+) \| .+ \| (\d+m) \|$/)
    #expect(
      rows.map { [$0.1, $0.2, $0.3] }
        == rules.map { [$0.name[...], $0.severity[...], "\($0.minutes)m"] })
  }
}

extension AlertRule {
  /// The rule with a little of it changed; nil where it has nothing of the kind.
  fileprivate func text(after change: AlertRuleTests.Change) -> String? {
    switch change {
    case .lowerFirstNumber: return text(withNumber: 0, moved: -1)
    case .raiseFirstNumber: return text(withNumber: 0, moved: 1)
    case .lowerSecondNumber: return text(withNumber: 1, moved: -1)
    case .raiseSecondNumber: return text(withNumber: 1, moved: 1)
    case .lowerThirdNumber: return text(withNumber: 2, moved: -1)
    case .raiseThirdNumber: return text(withNumber: 2, moved: 1)
    case .lowerFourthNumber: return text(withNumber: 3, moved: -1)
    case .raiseFourthNumber: return text(withNumber: 3, moved: 1)
    case .halveWait: return text.replacing("for: \(minutes)m", with: "for: \(minutes * 30)s")
    case .doubleWait: return text.replacing("for: \(minutes)m", with: "for: \(minutes * 2)m")
    case .forgetSooner:
      guard expression.contains("[3m") else { return nil }
      return text.replacing(expression, with: expression.replacing("[3m", with: "[1m"))
    }
  }

  /// Small whole numbers are moved by one, others by a twentieth.
  private func text(withNumber index: Int, moved direction: Double) -> String? {
    guard numbers.indices.contains(index) else { return nil }
    let (range, value) = numbers[index]
    let isSmall = value < 10 && value == value.rounded() && !expression[range].contains(".")
    let moved = isSmall ? value + direction : value * (1 + direction / 20)
    return text.replacing(
      expression, with: expression.replacingCharacters(in: range, with: "\(moved)"))
  }
}
