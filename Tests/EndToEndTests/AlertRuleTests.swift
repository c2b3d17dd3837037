import Foundation
import TestSupport
import Testing

/// The shipped configuration and rules, as Prometheus' own tool sees them.
@Suite(.enabled(if: Tools.areInstalled("promtool"), "needs promtool"))
struct AlertRuleTests {
  private let rules = Repository.path("deploy/prometheus/socket-exporter.alerts.yml")
  private let cases = Repository.path("deploy/prometheus/tests/socket-exporter.alerts.test.yml")

  @Test func `Prometheus accepts the configuration and the rules`() async throws {
    try await onBlockingThread { [rules] in
      try Tools.run([
        "promtool", "check", "config", "--lint=all", "--lint-fatal",
        Repository.path("deploy/prometheus/prometheus.yml"),
      ])
      try Tools.run(["promtool", "check", "rules", "--lint=all", "--lint-fatal", rules])
    }
  }

  @Test func `the alerts fire and resolve when their cases say so`() async throws {
    try await onBlockingThread { [cases] in
      _ = try Tools.run(["promtool", "test", "rules", cases])
    }
  }

  @Test func `every alert has cases, and says how severe it is and what to type next`() throws {
    let alerts = try Repository.text("deploy/prometheus/socket-exporter.alerts.yml")
      .split(separator: "- alert: ").dropFirst()
    let tested = try Repository.text("deploy/prometheus/tests/socket-exporter.alerts.test.yml")
    #expect(!alerts.isEmpty)
    for alert in alerts {
      let name = alert.prefix { !$0.isNewline }
      #expect(tested.contains("alertname: \(name)"), "\(name) has no case")
      #expect(alert.contains(/severity: (info|warning|critical)\n/), "\(name) has no severity")
      #expect(alert.contains("annotations: *") || alert.contains(/`[a-z]+ .*`/), "\(name)")
    }
  }

  /// The rules as they are shipped but for their waiting times, in a Prometheus that scrapes a host in
  /// trouble.
  @Test(
    .enabled(if: PrometheusServer.isInstalled, PrometheusServer.unavailability),
    .enabled(if: TestHost.isAvailable, TestHost.unavailability))
  func `CLOSE_WAIT and zombies raise their alerts, which resolve when they are gone`()
    async throws
  {
    try await TestHost.run { host in
      let leaker = try host.actor(named: "leaker")
      let peer = try host.actor(named: "peer")
      let listener = try leaker.listen()
      try peer.connect(to: listener, of: leaker, count: 101)
      try peer.exit()
      let parent = try host.actor(named: "parent")
      try parent.bearChildren(6, .byDefault)

      let hurried = host.directory + "/rules.yml"
      try Repository.text("deploy/prometheus/socket-exporter.alerts.yml")
        .replacing(/for: \d+m/, with: "for: 1s").replacing("[3m]", with: "[3s]")
        .write(toFile: hurried, atomically: true, encoding: .utf8)
      let exporter = try host.serve("--collect.interval", "500ms")
      let prometheus = try PrometheusServer(
        on: host,
        configuration: PrometheusServer.shippedConfiguration(port: exporter.port, rules: hurried))

      let expected = [
        "SocketCloseWaitHigh": ["severity": "warning", "state": "close_wait"],
        "SocketZombieProcesses": [
          "severity": "warning", "parent": "parent", "sigchld": "default",
        ],
      ]
      let fired = try eventually("two alerts fire", within: .seconds(30)) {
        let firing = try firingAlerts(prometheus)
        return firing.count == expected.count ? firing : nil
      }
      for (name, labels) in expected {
        let alert = try #require(fired[name])
        for (label, value) in labels { #expect(alert.labels[label] == value) }
      }
      #expect(
        fired["SocketCloseWaitHigh"]?.annotations["summary"]
          == "101 TCP sockets in CLOSE_WAIT on 127.0.0.1:\(exporter.port)")

      for rule in try prometheus.rules() {
        #expect(rule.health == "ok", "\(rule.name): \(rule.lastError ?? "")")
      }

      try leaker.exit()
      try parent.exit()
      _ = try eventually("the alerts resolve", within: .seconds(30)) {
        try firingAlerts(prometheus).isEmpty ? true : nil
      }
    }
  }
}

private func firingAlerts(
  _ prometheus: PrometheusServer
) throws -> [String: PrometheusServer.Rule.Alert] {
  var alerts: [String: PrometheusServer.Rule.Alert] = [:]
  for rule in try prometheus.rules() {
    for alert in rule.alerts where alert.state == "firing" { alerts[rule.name] = alert }
  }
  return alerts
}
