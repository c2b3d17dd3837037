import Foundation
import TestSupport
import Testing

/// The recording rules, and the configurations for fleets that go with them.
@Suite(.enabled(if: Tools.areInstalled("promtool"), "needs promtool"))
struct FleetTests {
  private static let directory = "deploy/prometheus"
  fileprivate static let rules = [
    "socket-exporter.recording.yml": "recording.test.yml",
    "socket-exporter.node-exporter.yml": "node-exporter.test.yml",
  ]

  @Test func `Prometheus accepts the rules and the configurations`() async throws {
    try await onBlockingThread {
      for rules in Self.rules.keys {
        try Tools.run([
          "promtool", "check", "rules", "--lint=all", "--lint-fatal",
          Repository.path("\(Self.directory)/\(rules)"),
        ])
      }
      for configuration in ["fleet.yml", "fleet-shard.yml", "fleet-drop.yml"] {
        try Tools.run([
          "promtool", "check", "config", "--lint=all", "--lint-fatal",
          Repository.path("\(Self.directory)/\(configuration)"),
        ])
      }
    }
  }

  @Test func `the rules record what their cases say`() async throws {
    try await onBlockingThread {
      for cases in Self.rules.values {
        try Tools.run([
          "promtool", "test", "rules", Repository.path("\(Self.directory)/tests/\(cases)"),
        ])
      }
    }
  }

  @Test func `every recording rule has cases`() throws {
    for (rules, cases) in Self.rules {
      let tested = try Repository.text("\(Self.directory)/tests/\(cases)")
      let recorded = try Repository.text("\(Self.directory)/\(rules)")
        .matches(of: /- record: (\S+)/).map { String($0.1) }
      #expect(!recorded.isEmpty)
      for name in recorded { #expect(tested.contains("labels: '\(name){"), "\(name) has no case") }
    }
  }

  @Test(arguments: FleetTests.rules.keys)
  func `the rules read metrics that there are`(_ rules: String) throws {
    let documented = try MetricDocumentation().entries
    let expressions = try Repository.text("\(Self.directory)/\(rules)")
      .split(separator: "- record: ")
      .compactMap { $0.firstRange(of: "expr:").map { $0.upperBound }.map($0.suffix(from:)) }
    #expect(!expressions.isEmpty)
    for expression in expressions {
      let code = expression.split(separator: "\n").filter { !$0.contains("#") }
      for name in MetricDocumentation.metrics(namedIn: code.joined(separator: "\n")) {
        #expect(documented[name] != nil, "\(name)")
      }
    }
  }

  @Test func `no alert reads what the example without recording rules drops`() throws {
    let dropped = try Repository.text("\(Self.directory)/fleet-drop.yml")
      .matches(of: /source_labels: \[__name__\]\n +regex: "([^"]+)"/)
      .flatMap { $0.1.split(separator: "|").map(String.init) }
    #expect(!dropped.isEmpty)
    let documented = try MetricDocumentation().entries
    for metric in dropped { #expect(documented[metric] != nil, "\(metric)") }

    let alerts = try Repository.text("\(Self.directory)/socket-exporter.alerts.yml")
    let expressions = alerts.matches(of: /expr:(?s:.*?)\n        (?:for|labels):/).map(\.0)
    #expect(!expressions.isEmpty)
    for expression in expressions {
      let read = MetricDocumentation.metrics(namedIn: String(expression))
      #expect(read.isDisjoint(with: dropped), "\(expression)")
      #expect(!expression.contains(/older_than="(10|300|3600)"/), "\(expression)")
    }
  }

  /// Where the test's servers listen.
  private static let shard = 9090
  private static let global = 9091
  private static let receiver = 9092

  /// A shard that scrapes three hosts, which are one exporter under three names, a global server that
  /// federates it, and one that it writes to; in the shipped configurations, with seconds for minutes.
  @Test(
    .enabled(if: PrometheusServer.isInstalled, PrometheusServer.unavailability),
    .enabled(if: TestHost.isAvailable, TestHost.unavailability))
  func `a global Prometheus has what its shard records, and nothing else`() async throws {
    try await TestHost.run { host in
      try troubles(on: host)
      let exporter = try host.serve(
        "--collect.interval=500ms", "--netns=all", "--close-wait.thresholds=1s,1h")

      let receiver = try PrometheusServer(
        on: host, port: Self.receiver, flags: ["--web.enable-remote-write-receiver"],
        configuration: "global: {}\n")
      let shard = try PrometheusServer(
        on: host, port: Self.shard, configuration: Self.shardConfiguration(exporter, on: host))
      let global = try PrometheusServer(
        on: host, port: Self.global, configuration: Self.globalConfiguration())

      // Some that are refused, between two scrapes, so that there is a rate.
      try eventually("three hosts are up") {
        try shard.value(#"sum(up{job="socket-exporter"}) == 3"#)
      }
      let slow = try host.actor(named: "slow")
      let listener = try slow.listen(backlog: 1)
      let eager = try host.actor(named: "eager")
      for _ in 0..<6 { try eager.beginConnecting(to: listener) }
      for rate in ["listen_overflows", "listen_drops"] {
        try eventually("there are \(rate)") {
          try shard.value("min(instance:socket_tcp_\(rate):rate5m) > 0")
        }
      }
      // Each of the three is scraped at a moment of its own.
      try eventually("CLOSE_WAIT sockets have grown old on all hosts") {
        try shard.value(
          #"count(instance:socket_process_close_wait_aged:sum{older_than="1"} == 63) == 3"#)
      }

      // Without an exporter nothing changes any more, and for three minutes nothing is lost.
      _ = try exporter.stop()
      try eventually("the global server knows that no host is up") {
        try global.value(#"sum(up{job="socket-exporter"}) == 0"#)
      }
      let rules = try shard.recordingRules()
      for rule in rules { #expect(rule.health == "ok", "\(rule.name): \(rule.lastError ?? "")") }

      let deadline = Deadline(after: .patience)
      var expected: [[String: String]: Double]
      var federated: [[String: String]: Double]
      var written: [[String: String]: Double]
      repeat {
        Thread.sleep(forTimeInterval: 2)
        expected = try Self.values(of: rules, on: shard)
        federated = try Self.values(#"{job="socket-exporter"}"#, on: global)
        written = try Self.values(#"{job="socket-exporter"}"#, on: receiver)
      } while (federated != expected || written != expected) && !deadline.hasPassed
      for (name, seen) in [("global", federated), ("receiver", written)] {
        #expect(Set(seen.keys) == Set(expected.keys), "\(name)")
        for (series, value) in expected { #expect(seen[series] == value, "\(name) \(series)") }
      }

      // Every rule recorded something; a network namespace of its own knows no limit of these two.
      let recorded = Set(expected.keys.compactMap { $0["__name__"] })
      #expect(recorded.isSuperset(of: rules.map(\.name).filter { !$0.contains("request_queue") }))
      let limits = Set(expected.keys.compactMap { $0["limit"] })
      #expect(
        limits.union(["tcp_orphans", "tcp_memory"])
          == Set(rules.compactMap { $0.labels?["limit"] }))

      // Known by construction: the leaks of both namespaces, on each host and of the program everywhere.
      for instance in ["host-1:9477", "host-2:9477", "host-3:9477"] {
        var labels = [
          "job": "socket-exporter", "shard": "1", "zone": "a", "instance": instance,
          "__name__": "instance:socket_process_close_wait_aged:sum", "older_than": "1",
        ]
        #expect(expected[labels] == 63)
        labels["__name__"] = "instance:socket_process_close_wait_aged:topk3"
        labels["process"] = "leaker"
        #expect(expected[labels] == 63)
      }
      var leaker = [
        "job": "socket-exporter", "shard": "1", "zone": "a", "process": "leaker",
        "__name__": "process:socket_process_close_wait_aged:sum", "older_than": "1",
      ]
      #expect(expected[leaker] == 189)
      leaker["__name__"] = "process:socket_process_close_wait_aged:count"
      #expect(expected[leaker] == 3)
      leaker["older_than"] = "3600"
      #expect(expected[leaker] == nil)
    }
  }

  /// A leak in two namespaces, descriptors of which nobody has as many as another, zombies.
  private func troubles(on host: TestHost) throws {
    // A peer that is gone for a minute may be remembered no more, and then resets what waits for it.
    try host.set("net.ipv4.tcp_fin_timeout", to: "3600")
    let leaker = try host.actor(named: "leaker")
    let peer = try host.actor(named: "peer")
    let connections = try peer.connect(to: leaker.listen(), of: leaker, count: 100)
    for own in connections.own { try peer.close(own.lowerBound...(own.lowerBound + 59)) }
    // Beyond anything that Prometheus has open.
    try leaker.openFiles(300)
    try peer.openFiles(200)
    let parent = try host.actor(named: "parent")
    try parent.openFiles(250)
    try parent.bearChildren(3, .byDefault)

    try host.makeNetworkNamespace(named: "pod")
    let wrapper = TestHost.inNetworkNamespace("pod")
    let inside = try host.actor(named: "leaker", wrapper: wrapper)
    let insidePeer = try host.actor(named: "peer", wrapper: wrapper)
    let listener = try inside.listen()
    for _ in 0..<3 {
      try insidePeer.close(insidePeer.connect(to: listener, of: inside).own)
    }
  }

  private static func shardConfiguration(
    _ exporter: RunningExporter, on host: TestHost
  ) throws -> String {
    // No socket of the test is an hour old.
    let hurried = host.directory + "/recording.yml"
    try Repository.text("\(directory)/socket-exporter.recording.yml")
      .replacing(#"older_than="60""#, with: #"older_than="1""#)
      .replacing("interval: 1m", with: "interval: 1s")
      .write(toFile: hurried, atomically: true, encoding: .utf8)
    let targets = (1...3).map {
      """
            - targets: ["127.0.0.1:\(exporter.port)"]
              labels: { instance: "host-\($0):9477", zone: a }
      """
    }
    return try replaced(
      "fleet-shard.yml",
      [
        ("scrape_interval: 15s", "scrape_interval: 1s"),
        ("evaluation_interval: 30s", "evaluation_interval: 1s"),
        ("- socket-exporter.alerts.yml\n", "\n"),
        ("- socket-exporter.recording.yml", "- \(hurried)"),
        (
          #"      - targets: ["host-1.example:9477", "host-2.example:9477"]"#,
          targets.joined(separator: "\n")
        ),
        ("global.example:9090", "127.0.0.1:\(receiver)"),
        ("alertmanager.example:9093", "127.0.0.1:1"),
        // What is an alternative there is tried along with the rest here.
        ("# remote_write:", "remote_write:"), ("#   - url:", "  - url:"), ("#     ", "    "),
      ])
  }

  private static func globalConfiguration() throws -> String {
    try replaced(
      "fleet.yml",
      [
        ("interval: 60s", "interval: 1s"),
        ("scrape_timeout: 30s", "scrape_timeout: 1s"),
        ("- shard-1.example:9090", #"- "127.0.0.1:\#(shard)""#),
        ("          - shard-2.example:9090\n", ""),
      ])
  }

  private static func replaced(
    _ file: String, _ replacements: [(shipped: String, replacement: String)]
  ) throws -> String {
    var text = try Repository.text("\(directory)/\(file)")
    for (shipped, replacement) in replacements {
      guard text.contains(shipped) else { throw TestFailure("no \(shipped) in \(file)") }
      text.replace(shipped, with: replacement)
    }
    return text
  }

  /// What the shard answers for the expressions of its rules, as they arrive elsewhere; and `up`.
  private static func values(
    of rules: [PrometheusServer.RecordingRule], on shard: PrometheusServer
  ) throws -> [[String: String]: Double] {
    var values = try values(#"up{job="socket-exporter"}"#, on: shard)
    for rule in rules {
      for (series, value) in try Self.values(rule.query, on: shard) {
        var series = series.merging(rule.labels ?? [:]) { $1 }
        series["__name__"] = rule.name
        guard values.updateValue(value, forKey: series) == nil else {
          throw TestFailure("recorded twice: \(series)")
        }
      }
    }
    return Dictionary(
      uniqueKeysWithValues: values.map { ($0.key.merging(["shard": "1"]) { $1 }, $0.value) })
  }

  private static func values(
    _ query: String, on server: PrometheusServer
  ) throws -> [[String: String]: Double] {
    Dictionary(uniqueKeysWithValues: try server.query(query).map { ($0.labels, $0.value) })
  }
}
