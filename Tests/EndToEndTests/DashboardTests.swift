import Foundation
import TestSupport
import Testing

/// What can be seen from the files alone.
struct DashboardTests {
  @Test(arguments: Dashboard.all)
  func `every panel has its own id, a place, a description and the chosen data source`(
    _ name: String
  ) throws {
    let dashboard = try Dashboard(name)
    let chosen = Dashboard.DataSource(type: "prometheus", uid: "${datasource}")
    #expect(dashboard.uid == "socket-exporter-" + name.dropLast(".json".count))
    #expect(Set(dashboard.panels.map(\.id)).count == dashboard.panels.count)
    #expect(dashboard.annotations.list.allSatisfy { $0.datasource == chosen })

    var taken: [Int: String] = [:]
    for panel in dashboard.panels {
      let place = panel.gridPos
      #expect(place.x >= 0 && place.x + place.w <= 24, "\(panel.title)")
      for cell in cells(of: place) {
        #expect(taken.updateValue(panel.title, forKey: cell) == nil, "\(panel.title)")
      }
      if panel.type == "row" { continue }
      #expect(panel.description?.isEmpty == false, "\(panel.title)")
      #expect(panel.datasource == chosen, "\(panel.title)")
      let targets = try #require(panel.targets)
      #expect(!targets.isEmpty && Set(targets.map(\.refId)).count == targets.count)
      #expect(targets.allSatisfy { $0.datasource == chosen }, "\(panel.title)")
    }
  }

  @Test func `titles and ids of dashboards are different ones`() throws {
    let dashboards = try Dashboard.all.map { try Dashboard($0) }
    #expect(Set(dashboards.map(\.uid)).count == dashboards.count)
    #expect(Set(dashboards.map(\.title)).count == dashboards.count)
  }

  @Test(.enabled(if: Tools.areInstalled("python3"), "needs python3"))
  func `the files are what the generator makes of its source`() async throws {
    try await onBlockingThread {
      try Tools.withTemporaryDirectory { directory in
        try Tools.run(["python3", "-B", Repository.path("dashboards/generate.py"), directory])
        let made = try Tools.run(["ls", directory]).text.split(separator: "\n").map(String.init)
        #expect(made == Dashboard.all.sorted())
        for name in Dashboard.all {
          let generated = try String(contentsOfFile: directory + "/" + name, encoding: .utf8)
          #expect(
            try Repository.text("dashboards/" + name) == generated,
            "\(name): run make dashboards")
        }
      }
    }
  }

  @Test(arguments: Dashboard.all)
  func `links lead to dashboards, variables and runbooks that there are`(_ name: String) throws {
    let dashboard = try Dashboard(name)
    let uids = try Set(Dashboard.all.map { try Dashboard($0).uid })
    let variables = Set(dashboard.templating.list.map(\.name))
    let alerts = try Set(AlertRule.shipped().map(\.name))
    for link in dashboard.everyLink {
      #expect(!link.title.isEmpty)
      for match in link.url.matches(of: /var-(\w+)=|\$\{(\w+):queryparam\}/) {
        let variable = try #require(match.1 ?? match.2)
        #expect(variables.contains(String(variable)), "\(link.url)")
      }
      if let match = link.url.wholeMatch(of: /\$\{runbooks\}\/(.+)\.md/) {
        let isOfRow = match.1 == "${__data.fields.alertname}"
        #expect(isOfRow || alerts.contains(String(match.1)), "\(link.url)")
      } else {
        let match = try #require(link.url.prefixMatch(of: /\/d\/([a-z-]+)(?:\?|$)/), "\(link.url)")
        #expect(uids.contains(String(match.1)), "\(link.url)")
      }
    }
    for other in uids where other != dashboard.uid {
      #expect(dashboard.links.contains { $0.url == "/d/" + other }, "no way to \(other)")
    }
  }

  @Test func `every alert has a runbook link on some dashboard`() throws {
    let links = try Dashboard.all.flatMap { try Dashboard($0).everyLink }
    for alert in try Set(AlertRule.shipped().map(\.name)) {
      #expect(links.contains { $0.url == "${runbooks}/\(alert).md" }, "\(alert)")
    }
  }

  @Test(arguments: Dashboard.all)
  func `what turns a panel orange or red is what the alert beside it compares with`(
    _ name: String
  ) throws {
    let rules = try AlertRule.shipped()
    for panel in try Dashboard(name).panels {
      if let severity = panel.countsAlerts {
        #expect(
          panel.thresholds.map { AlertRule.explain($0.steps, by: [(severity, [1])]) } == [true])
        continue
      }
      for (steps, links) in panel.thresholds {
        let linked = links.compactMap { $0.url.firstMatch(of: /\$\{runbooks\}\/(\w+)\.md/)?.1 }
        let explained = linked.contains { alert in
          AlertRule.explain(
            steps, by: rules.filter { $0.name == alert }.map { ($0.severity, $0.thresholds) })
        }
        #expect(explained, "\(panel.title): \(steps) is none of \(linked)")
      }
    }
  }

  @Test func `thresholds that are not the alert's are seen`() throws {
    let rules = try AlertRule.shipped().filter { $0.name == "SocketConntrackHigh" }
      .map { ($0.severity, $0.thresholds) }
    func steps(_ warning: Double, _ critical: Double) -> [Dashboard.Thresholds.Step] {
      [.init(color: "orange", value: warning), .init(color: "red", value: critical)]
    }
    #expect(AlertRule.explain(steps(0.75, 0.9), by: rules))
    #expect(!AlertRule.explain(steps(0.7, 0.9), by: rules))
    #expect(!AlertRule.explain(steps(0.9, 0.75), by: rules))
    #expect(!AlertRule.explain([steps(0.75, 0.9)[0]], by: rules))
    #expect(!AlertRule.explain(steps(0.75, 0.9), by: []))
  }

  private func cells(of place: Dashboard.Position) -> [Int] {
    (place.y..<place.y + place.h).flatMap { y in
      (place.x..<place.x + place.w).map { x in y * 24 + x }
    }
  }
}

extension AlertRule {
  /// Whether these steps are those of an alert: one in the colour of each severity that compares with a
  /// number, and no other. Grafana's steps are reached, not passed: for above 0 it is a little more.
  fileprivate static func explain(
    _ steps: [Dashboard.Thresholds.Step], by rules: [(severity: String, numbers: [Double])]
  ) -> Bool {
    let rules = rules.filter { !$0.numbers.isEmpty }
    let colours = ["info": "blue", "warning": "orange", "critical": "red"]
    guard !rules.isEmpty, steps.count == rules.count else { return false }
    return rules.allSatisfy { rule in
      steps.contains { step in
        guard let value = step.value, step.color == colours[rule.severity] else { return false }
        return rule.numbers.contains { $0 == value || $0 == 0 && value > 0 && value <= 1 }
      }
    }
  }
}
