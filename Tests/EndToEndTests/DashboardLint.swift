/// The rules of Grafana's dashboard-linter, under its names, for dashboards of one Prometheus data source.
///
/// The tool is written in Go and cannot be had where these tests run. Where it looks at some types of
/// panel only, these look at all. That a query is valid is for Prometheus to say (see
/// `DashboardQueryTests`); the rules for LogQL have nothing to look at here.
struct DashboardLint: Sendable {
  let rule: String
  /// What breaks the rule.
  let complaints: @Sendable (Dashboard) -> [String]

  static let rules = [
    DashboardLint(rule: "template-datasource-rule") { dashboard in
      let sources = dashboard.templating.list.filter { $0.type == "datasource" }
      let right = sources.filter {
        $0.name == "datasource" && $0.label == "Data source" && $0.query.text == "prometheus"
      }
      return sources.count == 1 && right.count == 1 ? [] : sources.map(\.name) + ["data sources"]
    },
    DashboardLint(rule: "template-job-rule") { requiredVariable("job", "Job", in: $0) },
    DashboardLint(rule: "template-instance-rule") {
      requiredVariable("instance", "Instance", in: $0)
    },
    DashboardLint(rule: "template-label-promql-rule") { dashboard in
      queryVariables(of: dashboard).map(\.query.text).filter {
        $0.wholeMatch(of: /label_values\([a-z_]+(\{.+\})?, [a-z]+\)/) == nil
      }
    },
    DashboardLint(rule: "template-on-time-change-reload-rule") { dashboard in
      queryVariables(of: dashboard).filter { $0.refresh != 2 }.map(\.name)
    },
    DashboardLint(rule: "panel-datasource-rule") { dashboard in
      panels(of: dashboard).filter { $0.datasource?.uid != "${datasource}" }.map(\.title)
    },
    DashboardLint(rule: "panel-title-description-rule") { dashboard in
      panels(of: dashboard).filter { $0.title.isEmpty || ($0.description ?? "").isEmpty }
        .map { "\($0.id) \($0.title)" }
    },
    DashboardLint(rule: "panel-units-rule") { dashboard in
      panels(of: dashboard).filter { panel in
        let parts = panel.fieldConfig?.overrides.compactMap(\.unit) ?? []
        return !([panel.fieldConfig?.defaults.unit] + parts).allSatisfy {
          units.contains($0 ?? "")
        }
      }.map(\.title)
    },
    DashboardLint(rule: "panel-no-targets-rule") { dashboard in
      panels(of: dashboard).filter { ($0.targets ?? []).isEmpty }.map(\.title)
    },
    DashboardLint(rule: "target-promql-rule") { dashboard in
      queries(of: dashboard).filter { $0.allSatisfy(\.isWhitespace) }
    },
    DashboardLint(rule: "target-rate-interval-rule") { dashboard in
      queries(of: dashboard).flatMap { query in
        query.matches(of: /\bi?rate\([^\[]*\[([^\]]*)\]/).map { String($0.1) }
      }.filter { $0 != "$__rate_interval" }
    },
    DashboardLint(rule: "target-job-rule") { selectors(of: $0, lacking: #"job=~"$job""#) },
    DashboardLint(rule: "target-instance-rule") {
      selectors(of: $0, lacking: #"instance=~"$instance""#)
    },
    DashboardLint(rule: "target-counter-agg-rule") { dashboard in
      queries(of: dashboard).flatMap { query in
        let counters = query.matches(of: /(\w*\(?)\b[a-z]\w*_total\b/).map { String($0.1) }
        return counters.filter { !["rate(", "irate(", "increase("].contains($0) }
      }
    },
    DashboardLint(rule: "uneditable-dashboard-rule") { $0.editable ? ["editable"] : [] },
  ]

  /// Of the units that Grafana and the linter know, those that are used here.
  private static let units: Set = [
    "none", "short", "percentunit", "bytes", "s", "dtdurations", "cps", "reqps",
  ]

  private static func panels(of dashboard: Dashboard) -> [Dashboard.Panel] {
    dashboard.panels.filter { $0.type != "row" }
  }

  private static func queries(of dashboard: Dashboard) -> [String] {
    panels(of: dashboard).flatMap { $0.targets ?? [] }.map(\.expr)
  }

  private static func queryVariables(of dashboard: Dashboard) -> [Dashboard.Variable] {
    dashboard.templating.list.filter { $0.type == "query" }
  }

  private static func requiredVariable(
    _ name: String, _ label: String, in dashboard: Dashboard
  ) -> [String] {
    guard let variable = dashboard.templating.list.first(where: { $0.name == name }) else {
      return ["no \(name)"]
    }
    let isRight =
      variable.type == "query" && variable.label == label && variable.multi == true
      && variable.allValue == ".+" && variable.datasource?.uid == "${datasource}"
    return isRight ? [] : [name]
  }

  /// The selectors without a matcher, and names of metrics that have no selector at all.
  private static func selectors(of dashboard: Dashboard, lacking matcher: String) -> [String] {
    queries(of: dashboard).flatMap { query in
      let outsideOfTexts = query.replacing(/"[^"]*"/, with: "\"\"")
      let bare = outsideOfTexts.matches(
        of: /\b(?:socket_\w+|process_\w+|scrape_\w+|up|ALERTS\w*)\b(?!\{)/)
      let selectors = query.matches(of: /\{[^}]*\}/).map { String($0.0) }
      return selectors.filter { !$0.contains(matcher) } + bare.map { String($0.0) }
    }
  }
}
