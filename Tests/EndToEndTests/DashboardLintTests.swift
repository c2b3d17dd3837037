import TestSupport
import Testing

struct DashboardLintTests {
  @Test(arguments: Dashboard.all)
  func `the rules of the dashboard linter hold`(_ name: String) throws {
    let dashboard = try Dashboard(name)
    for lint in DashboardLint.rules {
      #expect(lint.complaints(dashboard).isEmpty, "\(lint.rule)")
    }
  }

  /// Mistakes in a dashboard: what stands there, what stands there instead, and the rules this breaks.
  static let mistakes: [(String, String, Set<String>)] = [
    (#""name": "datasource""#, #""name": "source""#, ["template-datasource-rule"]),
    (#""name": "job""#, #""name": "jobs""#, ["template-job-rule"]),
    (#""label": "Instance""#, #""label": "Host""#, ["template-instance-rule"]),
    (
      #""allValue": ".+""#, #""allValue": ".*""#, ["template-job-rule", "template-instance-rule"]
    ),
    ("label_values(", "label_valus(", ["template-label-promql-rule"]),
    (#""refresh": 2"#, #""refresh": 1"#, ["template-on-time-change-reload-rule"]),
    (
      #""uid": "${datasource}""#, #""uid": "main""#,
      ["panel-datasource-rule", "template-job-rule", "template-instance-rule"]
    ),
    (
      #""description": "Exporters whose"#, #""descriptions": "Exporters whose"#,
      ["panel-title-description-rule"]
    ),
    (#""title": "Hosts""#, #""title": """#, ["panel-title-description-rule"]),
    (#""unit": "percentunit""#, #""unit": "percents""#, ["panel-units-rule"]),
    (#""targets": ["#, #""target": ["#, ["panel-no-targets-rule"]),
    (#"count(up{job=~\"$job\", instance=~\"$instance\"})"#, "", ["target-promql-rule"]),
    ("$__rate_interval", "5m", ["target-rate-interval-rule"]),
    (#"(up{job=~\"$job\", "#, "(up{", ["target-job-rule"]),
    (#", instance=~\"$instance\"})"#, "})", ["target-instance-rule"]),
    (
      #"up{job=~\"$job\", instance=~\"$instance\"}"#, "up",
      ["target-job-rule", "target-instance-rule"]
    ),
    ("rate(socket_tcp_listen", "max(socket_tcp_listen", ["target-counter-agg-rule"]),
    (#""editable": false"#, #""editable": true"#, ["uneditable-dashboard-rule"]),
  ]

  @Test(arguments: mistakes.indices)
  func `a mistake breaks its rule`(_ index: Int) throws {
    let (right, wrong, rules) = Self.mistakes[index]
    let text = try Repository.text("dashboards/overview.json")
    #expect(text.contains(right))
    let dashboard = try Dashboard(json: text.replacing(right, with: wrong))
    let broken = DashboardLint.rules.filter { !$0.complaints(dashboard).isEmpty }.map(\.rule)
    #expect(Set(broken) == rules, "\(wrong)")
  }

  @Test func `every rule has a mistake that breaks it`() {
    let broken = Self.mistakes.reduce(into: Set()) { $0.formUnion($1.2) }
    #expect(broken == Set(DashboardLint.rules.map(\.rule)))
  }

  @Test func `the page of dashboards lists the rules`() throws {
    let page = try Repository.text("docs/dashboards/README.md")
    for lint in DashboardLint.rules { #expect(page.contains("`\(lint.rule)`"), "\(lint.rule)") }
  }
}
