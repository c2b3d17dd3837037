import TestSupport
import Testing

struct DashboardTests {
  @Test(arguments: Dashboard.all)
  func `every panel has its own id, a place, a unit, a description and the chosen data source`(
    _ name: String
  ) throws {
    let dashboard = try Dashboard(name)
    let chosen = Dashboard.DataSource(type: "prometheus", uid: "${datasource}")
    #expect(Set(dashboard.panels.map(\.id)).count == dashboard.panels.count)
    for variable in dashboard.templating.list where variable.type == "query" {
      #expect(variable.datasource == chosen, "\(variable.name)")
    }

    var taken: [Int: String] = [:]
    for panel in dashboard.panels {
      let place = panel.gridPos
      #expect(place.x >= 0 && place.x + place.w <= 24, "\(panel.title)")
      for cell in cells(of: place) {
        #expect(taken.updateValue(panel.title, forKey: cell) == nil, "\(panel.title)")
      }
      if panel.type == "row" { continue }
      #expect(panel.description?.isEmpty == false, "\(panel.title)")
      #expect(panel.fieldConfig?.defaults.unit != nil, "\(panel.title)")
      #expect(panel.datasource == chosen, "\(panel.title)")
      let targets = try #require(panel.targets)
      #expect(!targets.isEmpty && Set(targets.map(\.refId)).count == targets.count)
      for target in targets {
        let selectors = target.expr.matches(of: /\{[^}]*\}/).map { String($0.0) }
        #expect(!selectors.isEmpty, "\(panel.title)")
        for selector in selectors {
          #expect(
            selector.contains(#"job=~"$job", instance=~"$instance""#), "\(panel.title): \(selector)"
          )
        }
      }
    }
  }

  @Test(
    .enabled(if: TestHost.isAvailable, TestHost.unavailability),
    .enabled(if: PrometheusServer.isInstalled, PrometheusServer.unavailability),
    arguments: Dashboard.all)
  func `every query and every variable finds data`(_ name: String) async throws {
    let dashboard = try Dashboard(name)
    try await TestHost.run { host in
      let server = try host.actor(named: "server")
      let client = try host.actor(named: "client")
      let listener = try server.listen()
      let connection = try client.connect(to: listener, of: server)
      try client.close(connection.own)
      // Some panels speak of zombies, and are empty where all is well.
      try host.actor(named: "parent").bearChildren(2, .byDefault)

      let exporter = try host.serve("--collect.interval", "500ms")
      let prometheus = try PrometheusServer(
        on: host, configuration: PrometheusServer.shippedConfiguration(port: exporter.port))
      // Rates need two scrapes.
      _ = try eventually("two scrapes", within: .seconds(30)) {
        try prometheus.value(#"count_over_time(up{job="socket-exporter"}[1m]) >= 2"#)
      }

      for panel in dashboard.panels {
        for target in panel.targets ?? [] {
          let expression = Dashboard.substituteVariables(in: target.expr)
          let series = try prometheus.query(expression)
          #expect(!series.isEmpty, "\(panel.title) \(target.refId): \(expression)")
          #expect(series.allSatisfy { $0.value.isFinite }, "\(panel.title) \(target.refId)")
        }
      }
      for variable in dashboard.templating.list where variable.type == "query" {
        let query = Dashboard.substituteVariables(in: variable.query.text)
        let match = try #require(query.wholeMatch(of: /label_values\((.+), (\w+)\)/))
        let values = try prometheus.values(ofLabel: String(match.2), on: String(match.1))
        #expect(!values.isEmpty, "\(variable.name)")
      }
    }
  }

  private func cells(of place: Dashboard.Position) -> [Int] {
    (place.y..<place.y + place.h).flatMap { y in
      (place.x..<place.x + place.w).map { x in y * 24 + x }
    }
  }
}
