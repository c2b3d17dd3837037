import Foundation

/// One rule of the file of alerts, found in its text.
struct AlertRule {
  let name: String
  let severity: String
  /// How long the condition must hold.
  let minutes: Int
  let expression: String
  /// All of the rule, from its name on.
  let text: String

  static let file = "deploy/prometheus/socket-exporter.alerts.yml"

  static func shipped() throws -> [AlertRule] { all(in: try Repository.text(file)) }

  /// The file is ours: no other form of YAML needs to be understood.
  static func all(in text: String) -> [AlertRule] {
    text.split(separator: "      - alert: ").dropFirst().compactMap { block in
      guard
        let parts = block.firstMatch(
          of: /(?s)^(\w+)\n        expr: (.+?)\n        for: (\d+)m\n.*?severity: (\w+)\n/),
        let minutes = Int(parts.3)
      else { return nil }
      return AlertRule(
        name: String(parts.1), severity: String(parts.4), minutes: minutes,
        expression: String(parts.2), text: String(block))
    }
  }

  /// The numbers that the condition compares with, but for what only guards a divisor.
  var thresholds: [Double] {
    expression.matches(of: /(?:[<>]=?|==) (?:ignoring \(\w+\) )?([0-9.]+)(?![0-9.]|\))/)
      .compactMap { Double($0.1) }
  }

  /// The text of an annotation, which may stand at the other severity's rule.
  func annotation(_ name: String, in file: String) -> String? {
    guard let start = text.range(of: "          \(name): ") else { return nil }
    let value = text[start.upperBound...].prefix { !$0.isNewline }
    let anchor = value.hasPrefix("*") ? "\(name): &\(value.dropFirst()) " : "\(name): "
    let place = value.hasPrefix("*") ? file[...] : text[...]
    guard let found = place.range(of: anchor) else { return nil }
    let lines = place[found.upperBound...].split(separator: "\n", omittingEmptySubsequences: false)
    let further = lines.dropFirst().prefix { $0.hasPrefix("            ") }
    return (lines.prefix(1) + further).joined(separator: " ")
  }

  /// The numbers that the condition compares or calculates with: none in a label, a name or a range.
  var numbers: [(range: Range<String.Index>, value: Double)] {
    let other = expression.ranges(of: /\{[^}]*\}|\[[^\]]*\]|[A-Za-z_]\w*/)
    return expression.ranges(of: /\d+(\.\d+)?/).compactMap { range in
      guard !other.contains(where: { $0.overlaps(range) }) else { return nil }
      return Double(expression[range]).map { (range, $0) }
    }
  }
}
