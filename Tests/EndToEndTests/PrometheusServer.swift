import Foundation
import TestSupport
import Testing

/// A Prometheus that runs on a test's host and scrapes there.
final class PrometheusServer {
  /// A series with its value, as a query returns it.
  struct Series: Decodable {
    let labels: [String: String]
    let value: Double

    private enum CodingKeys: String, CodingKey {
      case labels = "metric"
      case value
    }

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      labels = try container.decode([String: String].self, forKey: .labels)
      var pair = try container.nestedUnkeyedContainer(forKey: .value)
      _ = try pair.decode(Double.self)
      let text = try pair.decode(String.self)
      guard let value = Double(text) else { throw TestFailure("not a value: \(text)") }
      self.value = value
    }
  }

  struct Rule: Decodable {
    struct Alert: Decodable {
      let labels: [String: String]
      let annotations: [String: String]
      let state: String
    }

    let name: String
    let health: String
    let lastError: String?
    let labels: [String: String]
    let alerts: [Alert]
  }

  struct RecordingRule: Decodable {
    let name: String
    let query: String
    let labels: [String: String]?
    let health: String
    let lastError: String?
  }

  static let isInstalled = Tools.areInstalled("prometheus", "curl")
  static let unavailability: Comment = "needs prometheus and curl"

  private struct Envelope<Answer: Decodable>: Decodable {
    let status: String
    let error: String?
    let data: Answer?
  }

  private let address: String
  private let host: TestHost
  private let process: ChildProcess

  /// Starts the server and waits until it answers.
  init(
    on host: TestHost, port: Int = 9090, flags: [String] = [], configuration: String
  ) throws {
    self.host = host
    let address = "127.0.0.1:\(port)"
    self.address = address
    let file = host.directory + "/prometheus-\(port).yml"
    try configuration.write(toFile: file, atomically: true, encoding: .utf8)
    process = try host.start(
      [
        "prometheus", "--config.file", file, "--storage.tsdb.path",
        host.directory + "/tsdb-\(port)", "--web.listen-address", address, "--log.level", "error",
      ] + flags)
    _ = try eventually("Prometheus answers") {
      // It is to have the processor meanwhile.
      Thread.sleep(forTimeInterval: 0.1)
      return try host.run(["curl", "-sf", "http://\(address)/-/ready"]).exit == .code(0)
        ? true : nil
    }
  }

  /// The configuration that is shipped, for an exporter on this port, with seconds for minutes.
  static func shippedConfiguration(port: Int, rules: String? = nil) throws -> String {
    var text = try Repository.text("deploy/prometheus/prometheus.yml")
    let replacements = [
      ("localhost:9477", "127.0.0.1:\(port)"),
      ("interval: 15s", "interval: 1s"),
      (
        "- socket-exporter.alerts.yml",
        "- " + (rules ?? Repository.path("deploy/prometheus/socket-exporter.alerts.yml"))
      ),
    ]
    for (shipped, replacement) in replacements {
      guard text.contains(shipped) else { throw TestFailure("no \(shipped) in the configuration") }
      text.replace(shipped, with: replacement)
    }
    return text
  }

  /// What an instant query returns, now or at a time in Unix seconds.
  func query(_ expression: String, at time: String? = nil) throws -> [Series] {
    struct Answer: Decodable {
      let result: [Series]
    }
    var form = ["query": expression]
    if let time { form["time"] = time }
    let answer: Answer = try get("query", form)
    return answer.result
  }

  /// What an instant query returns that must return something. Where a scrape is late it returns nothing
  /// until the next one, so it is asked again.
  func answer(to expression: String, within limit: Duration = .seconds(20)) throws -> [Series] {
    let deadline = Deadline(after: limit)
    while true {
      let series = try query(expression)
      if !series.isEmpty || deadline.hasPassed { return series }
      Thread.sleep(forTimeInterval: 0.2)
    }
  }

  /// The value of a query that returns one series; nil where it returns none.
  func value(_ expression: String) throws -> Double? {
    let series = try query(expression)
    guard series.count <= 1 else { throw TestFailure("\(series.count) series for \(expression)") }
    return series.first?.value
  }

  /// The values of a label on the series that a selector finds.
  func values(ofLabel label: String, on selector: String) throws -> [String] {
    try get("label/\(label)/values", ["match[]": selector])
  }

  func rules() throws -> [Rule] {
    struct Answer: Decodable {
      struct Group: Decodable {
        let rules: [Rule]
      }
      let groups: [Group]
    }
    let answer: Answer = try get("rules", [:])
    return answer.groups.flatMap(\.rules)
  }

  /// The rules that record series.
  func recordingRules() throws -> [RecordingRule] {
    struct Answer: Decodable {
      struct Group: Decodable {
        let rules: [RecordingRule]
      }
      let groups: [Group]
    }
    let answer: Answer = try get("rules", ["type": "record"])
    return answer.groups.flatMap(\.rules)
  }

  /// The type of every metric, by name, as the scrapes of one job announced it.
  func types() throws -> [String: Set<String>] {
    struct Metadata: Decodable {
      let type: String
    }
    let answer: [String: [Metadata]] = try get("metadata", [:])
    return answer.mapValues { Set($0.map(\.type)) }
  }

  private func get<Answer: Decodable>(_ path: String, _ form: [String: String]) throws -> Answer {
    let fields = form.flatMap { ["--data-urlencode", "\($0.key)=\($0.value)"] }
    let printed = try host.run(["curl", "-sSG", "http://\(address)/api/v1/\(path)"] + fields)
    guard printed.exit == .code(0) else { throw TestFailure("curl: \(printed.errors)") }
    let envelope = try JSONDecoder().decode(Envelope<Answer>.self, from: Data(printed.output))
    guard envelope.status == "success", let data = envelope.data else {
      throw TestFailure("\(path) \(form): \(envelope.error ?? "no data")")
    }
    return data
  }
}
