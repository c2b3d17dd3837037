import TestSupport

/// The shipped alert rules with seconds for minutes, so that a test sees alerts fire and resolve.
///
/// Thresholds that count something, texts and labels stay as they are.
enum HurriedRules {
  /// What the exporter must be told, for the rules ask for sockets that are a second old.
  static let closeWaitThresholds = "1s,5s,1m"

  /// Throws where the rules wait for something that is not known here, for it would not be hurried.
  static func text() throws -> String {
    let shipped = try Repository.text("deploy/prometheus/socket-exporter.alerts.yml")
    for match in shipped.matches(of: /\n *for: (.*)/)
    where match.1.wholeMatch(of: /\d+m/) == nil { throw TestFailure("not minutes: \(match.1)") }
    for match in shipped.matches(of: /\[(\d+[a-z][^\]]*)\]/)
    where match.1.wholeMatch(of: /\d+m(:1m)?/) == nil {
      throw TestFailure("not a range of minutes: \(match.0)")
    }
    let parts = [
      (/for: (\d+)m/, "for: %s"),
      (/\[(\d+)m/, "[%s"),
      (/:(1)m\]/, ":%s]"),
      (/older_than="(60)"/, #"older_than="1""#),
      // What a slope makes of a range of 15 minutes.
      (/\[15s\]\) \* (900)/, "[15s]) * 15"),
      // An hour would still be a minute, which all other alerts together do not take.
      (/oldest_seconds\[\d+s\]\) > (3600)/, "oldest_seconds[3s]) > 10"),
    ]
    var text = shipped
    for (pattern, hurried) in parts {
      guard text.contains(pattern) else { throw TestFailure("the rules have no \(hurried)") }
      text.replace(pattern) { match in hurried.replacing("%", with: match.1) }
    }
    return text
  }
}
