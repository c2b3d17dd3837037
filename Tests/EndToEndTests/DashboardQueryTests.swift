import Foundation
import TestSupport
import Testing

/// All queries of all dashboards, against a real Prometheus that scrapes a host in trouble.
@Suite(
  .enabled(if: TestHost.isAvailable, TestHost.unavailability),
  .enabled(if: PrometheusServer.isInstalled, PrometheusServer.unavailability))
struct DashboardQueryTests {
  /// Told in the host's first network namespace only, or where netfilter tracks connections.
  private static let absentOnTestHost: Set<String> = {
    var names: Set = ["socket_sockstat_memory_limit_bytes", "socket_sockstat_tcp_orphans_limit"]
    if !FileManager.default.fileExists(atPath: "/proc/sys/net/netfilter/nf_conntrack_count") {
      names.formUnion(["socket_conntrack_entries", "socket_conntrack_entries_limit"])
    }
    return names
  }()

  @Test func `every query, variable and annotation finds data`() async throws {
    let dashboards = try Dashboard.all.map { try Dashboard($0) }
    try await TestHost.run { host in
      let rules = try Self.hurriedRules(in: host.directory) {
        $0.replacing("[3m]", with: "[5s]").replacing("[15m]", with: "[10s]")
          .replacing("> 3600", with: "> 3")
      }
      let trouble = try DashboardHost(on: host, interval: "500ms", rules: rules)
      let prometheus = trouble.prometheus
      _ = try eventually("alerts of every severity fire") {
        try trouble.tick()
        Thread.sleep(forTimeInterval: 0.5)
        let firing = try prometheus.query(#"count by (severity) (ALERTS{alertstate="firing"})"#)
        return firing.count == 3 ? true : nil
      }

      let others = #"up{job="\#(DashboardHost.otherJob)"} == 1"#
      #expect(try prometheus.answer(to: others).count == 1)
      let instances = try prometheus.values(ofLabel: "instance", on: "socket_exporter_build_info")
      let one = ["instance": try #require(instances.first), "process": "web"]
      #expect(instances.count == 1)
      for dashboard in dashboards {
        for panel in dashboard.panels {
          // Some ask what has happened within a minute.
          try trouble.tick()
          try Self.check(panel, of: dashboard, with: prometheus)
          for target in panel.targets ?? [] {
            // Must not be an error.
            _ = try prometheus.query(
              Dashboard.substituteVariables(in: target.expr, selected: one))
            try Self.checkJobs(target.expr, with: prometheus)
          }
        }
        for annotation in dashboard.annotations.list {
          let found = try prometheus.answer(
            to: Dashboard.substituteVariables(in: annotation.expr))
          #expect(!found.isEmpty, "\(dashboard.uid): \(annotation.name)")
        }
        for variable in dashboard.templating.list where variable.type == "query" {
          let query = Dashboard.substituteVariables(in: variable.query.text)
          let match = try #require(query.wholeMatch(of: /label_values\((.+), (\w+)\)/))
          let values = try prometheus.values(ofLabel: String(match.2), on: String(match.1))
          #expect(!values.isEmpty, "\(dashboard.uid): \(variable.name)")
        }
      }
    }
  }

  private static func check(
    _ panel: Dashboard.Panel, of dashboard: Dashboard, with prometheus: PrometheusServer
  ) throws {
    var labels: Set<String> = []
    var mayBeEmpty = false
    for target in panel.targets ?? [] {
      let place = "\(dashboard.uid): \(panel.title) \(target.refId)"
      let expression = Dashboard.substituteVariables(in: target.expr)
      let isExpected = MetricDocumentation.metrics(namedIn: expression)
        .isDisjoint(with: absentOnTestHost)
      let series =
        try isExpected
        ? prometheus.answer(to: expression) : prometheus.query(expression)
      #expect(series.allSatisfy { $0.value.isFinite }, "\(place)")
      labels.formUnion(series.flatMap(\.labels.keys))
      if isExpected {
        #expect(!series.isEmpty, "\(place): \(expression)")
      } else {
        mayBeEmpty = true
      }
    }
    if !mayBeEmpty {
      #expect(panel.labelColumns.isSubset(of: labels), "\(dashboard.uid): \(panel.title)")
    }
    // What a link takes from a value must be there to be taken.
    for link in panel.dataLinks {
      for match in link.url.matches(
        of: /\$\{__(?:data\.fields|field\.labels)\.(\w+)(?::percentencode)?\}/)
      {
        #expect(labels.contains(String(match.1)) || mayBeEmpty, "\(panel.title): \(link.url)")
      }
    }
  }

  /// What another job serves is in no answer: it is the same for all jobs as for the exporters'.
  private static func checkJobs(
    _ expression: String, with prometheus: PrometheusServer
  ) throws {
    let all = Dashboard.substituteVariables(in: expression)
    let found = try prometheus.query(all)
    #expect(
      !found.contains {
        $0.labels["job"] == DashboardHost.otherJob || $0.labels["instance"] == "127.0.0.1:9090"
      }, "\(all)")
    // Of equal ones topk() takes any.
    if expression.contains("topk(") { return }
    // At a moment that is past, for two queries at once are not asked at the same. What Prometheus writes
    // later for that moment, as it does when it is late, is in both answers after a while.
    let moment = "\(Int(Date().timeIntervalSince1970) - 2)"
    let exporters = Dashboard.substituteVariables(
      in: expression, selected: ["job": "socket-exporter"])
    let deadline = Deadline(after: .seconds(20))
    var different: Set<[String: String]>
    repeat {
      let values: [[[String: String]: Double]] = try [all, exporters].map { query in
        try prometheus.query(query, at: moment).reduce(into: [:]) { $0[$1.labels] = $1.value }
      }
      different = Set(values[0].keys).union(values[1].keys).filter { labels in
        guard let value = values[0][labels], let other = values[1][labels] else { return true }
        return !(abs(value - other) <= 1e-9 * abs(value))
      }
    } while !different.isEmpty && !deadline.hasPassed
    #expect(different == [], "\(all)")
  }

  /// The shipped rules, which wait for seconds only.
  private static func hurriedRules(
    in directory: String, _ change: (String) -> String = { $0 }
  ) throws -> String {
    let file = directory + "/hurried-rules.yml"
    let text = try Repository.text("deploy/prometheus/socket-exporter.alerts.yml")
    try change(text.replacing(/for: \d+m/, with: "for: 1s"))
      .write(toFile: file, atomically: true, encoding: .utf8)
    return file
  }

  /// The directory for answers of which `dashboards/render.py` draws pictures, where somebody wants them.
  private static let pictures = ProcessInfo.processInfo.environment["SOCKET_EXPORTER_PICTURES"]

  @Test(.enabled(if: pictures != nil, "make pictures"), .timeLimit(.minutes(60)))
  func `answers for the pictures of the dashboards`() async throws {
    let directory = try #require(Self.pictures)
    let dashboards = try Dashboard.all.map { try Dashboard($0) }
    try await TestHost.run { host in
      let rules = try Self.hurriedRules(in: host.directory)
      let trouble = try DashboardHost(on: host, interval: "5s", rules: rules)
      let start = Int(Date().timeIntervalSince1970)
      let minutes = 6
      while Int(Date().timeIntervalSince1970) < start + 60 * minutes {
        try trouble.tick()
        Thread.sleep(forTimeInterval: 2)
      }
      let range = (start: start, end: start + 60 * minutes, step: 2)
      func write(_ name: String, _ expression: String, _ isRange: Bool) throws {
        let query = Dashboard.substituteVariables(in: expression, range: "\(minutes)m")
        let answer = try trouble.answer(to: query, range: isRange ? range : nil)
        try Data(answer).write(to: URL(filePath: "\(directory)/\(name).json"))
      }
      for dashboard in dashboards {
        for panel in dashboard.panels {
          for target in panel.targets ?? [] {
            try write("\(dashboard.uid)-\(panel.id)-\(target.refId)", target.expr, target.range)
          }
        }
        for (index, annotation) in dashboard.annotations.list.enumerated() {
          try write("\(dashboard.uid)-annotation-\(index)", annotation.expr, true)
        }
      }
      try Data(#"{"start": \#(range.start), "end": \#(range.end), "step": \#(range.step)}"#.utf8)
        .write(to: URL(filePath: directory + "/range.json"))
    }
  }
}
