import Foundation
import TestSupport
import Testing

/// The way of an alert on a test's host: Prometheus, Alertmanager and somebody who is notified, as their
/// configurations are shipped but with seconds for minutes.
final class AlertChain {
  /// The labels of an alert, by which it is known all the way.
  typealias Labels = [String: String]

  /// Where the shipped configuration of Prometheus looks for the exporter.
  static let exporterPort = 9477

  let prometheus: PrometheusServer
  let receiver: WebhookReceiver
  private let alertmanager: AlertmanagerServer

  init(on host: TestHost) throws {
    receiver = try WebhookReceiver(on: host)
    // Before Prometheus, which says what fires only once a minute.
    alertmanager = try AlertmanagerServer(on: host)
    let rules = host.directory + "/rules.yml"
    try HurriedRules.text().write(toFile: rules, atomically: true, encoding: .utf8)
    prometheus = try PrometheusServer(on: host, configuration: Self.configuration(rules: rules))
  }

  /// The shipped configuration of Prometheus, with the hurried rules.
  private static func configuration(rules: String) throws -> String {
    var text = try Repository.text("deploy/prometheus/prometheus.yml")
    // Other files stand beside the shipped one.
    text.replace(/\n  - (\S+\.yml)/) { match in
      "\n  - " + Repository.path("deploy/prometheus/\(match.1)")
    }
    let replacements = [
      (Repository.path("deploy/prometheus/socket-exporter.alerts.yml"), rules),
      // Six scrapes in the shortest range of the rules.
      ("interval: 15s", "interval: 500ms"),
    ]
    for (shipped, replacement) in replacements {
      guard text.contains(shipped) else { throw TestFailure("no \(shipped) in the configuration") }
      text.replace(shipped, with: replacement)
    }
    return text
  }

  /// The labels of an alert of a rule, complete.
  static func alert(_ name: String, _ severity: String, _ others: Labels = [:]) -> Labels {
    let labels = [
      "alertname": name, "severity": severity, "job": "socket-exporter",
      "instance": "localhost:\(exporterPort)",
    ]
    return labels.merging(others) { own, _ in own }
  }

  /// Waits until exactly these alerts fire and exactly those of them are the receiver's last news, or
  /// says what is different, and throws.
  ///
  /// - Parameter meanwhile: is done again and again.
  func expect(
    firing: Set<Labels>, notified: Set<Labels>, within limit: Duration = .patience,
    meanwhile: () throws -> Void = {}, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let deadline = Deadline(after: limit)
    repeat {
      try meanwhile()
      // Each question to Prometheus is a connection that stays for a while in TIME_WAIT.
      Thread.sleep(forTimeInterval: 0.2)
      try receiver.update()
      if receiver.firing == notified, Set(try self.firing().keys) == firing { return }
    } while !deadline.hasPassed
    Self.expect(Set(try self.firing().keys), are: firing, "fires", sourceLocation: sourceLocation)
    Self.expect(receiver.firing, are: notified, "is notified", sourceLocation: sourceLocation)
    throw TestFailure("the alerts are not as expected within \(limit)")
  }

  /// Says which alerts are missing and which are too many.
  static func expect(
    _ found: Set<Labels>, are expected: Set<Labels>, _ what: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    for labels in expected.subtracting(found) {
      Issue.record("never \(what): \(labels)", sourceLocation: sourceLocation)
    }
    for labels in found.subtracting(expected) {
      Issue.record("\(what) and should not: \(labels)", sourceLocation: sourceLocation)
    }
  }

  /// The alerts that fire now, as Prometheus has them.
  func firing() throws -> [Labels: PrometheusServer.Rule.Alert] {
    let alerts = try prometheus.rules().flatMap(\.alerts).filter { $0.state == "firing" }
    return Dictionary(alerts.map { ($0.labels, $0) }) { first, _ in first }
  }

  /// The alerts that have fired at any time.
  func everFired() throws -> Set<Labels> {
    let series = try prometheus.query(#"max_over_time(ALERTS{alertstate="firing"}[1h])"#)
    return Set(series.map { $0.labels.filter { $0.key != "alertstate" } })
  }

  /// The alerts that the receiver was told to fire at any time.
  var everNotified: Set<Labels> {
    Set(
      receiver.notifications.flatMap(\.alerts).filter { $0.status == "firing" }.map(\.labels))
  }

  /// Every alert that the receiver was told of says what and where it is, and where to read on.
  func expectWholeTexts(sourceLocation: SourceLocation = #_sourceLocation) {
    for alert in receiver.notifications.flatMap(\.alerts) {
      let name = alert.labels["alertname"] ?? ""
      AlertAdvice.expectExpanded(alert.annotations, of: name, sourceLocation: sourceLocation)
      let isWhole =
        alert.annotations["summary"]?.contains(alert.labels["instance"] ?? "no instance") == true
        && alert.annotations["runbook_url"]?.hasSuffix("/docs/runbooks/\(name).md") == true
      #expect(isWhole, "\(name): \(alert.annotations)", sourceLocation: sourceLocation)
    }
  }

  /// The severities that each receiver of the configuration was told of.
  var severities: [String: Set<String>] {
    Dictionary(
      receiver.notifications.map { notification in
        (notification.receiver, Set(notification.alerts.compactMap { $0.labels["severity"] }))
      }
    ) { $0.union($1) }
  }

  /// Every rule could be evaluated with what the exporter says.
  func expectHealthyRules(sourceLocation: SourceLocation = #_sourceLocation) throws {
    for rule in try prometheus.rules() {
      #expect(
        rule.health == "ok", "\(rule.name): \(rule.lastError ?? "")",
        sourceLocation: sourceLocation)
    }
  }
}
