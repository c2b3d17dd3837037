import Foundation
import TestSupport
import Testing

/// What an alert tells a responder to type.
enum AlertAdvice {
  /// The commands of a text, each between backticks.
  static func commands(in text: String) -> [String] {
    text.matches(of: /`([^`]+)`/).map { String($0.1) }
  }

  /// Programs that only look.
  private static let programs = [
    "capsh", "curl", "grep", "ls", "lsns", "lsof", "nstat", "ps", "ss", "sysctl", "top",
  ]

  /// Programs for which there is nothing on a test's host, and one that is only a prefix.
  private static let otherPrograms = ["date", "journalctl", "nsenter", "systemctl"]

  /// Whether a command can be run on a test's host as it stands, with nothing in it to be filled in.
  private static func canRun(_ command: String) -> Bool {
    let program = String(command.prefix { $0 != " " })
    // A loop in these texts looks, too.
    let isKnown =
      program == "for" || programs.contains(program) && Tools.areInstalled(program)
    return isKnown && !command.contains(/<[a-z][^>]*>/)
  }

  /// What Prometheus writes where a template is wrong is not there.
  static func expectExpanded(
    _ annotations: [String: String], of name: String, sourceLocation: SourceLocation
  ) {
    for text in annotations.values {
      #expect(
        !text.contains("<error expanding template") && !text.contains("<no value>"),
        "\(name): \(text)", sourceLocation: sourceLocation)
    }
  }

  private static func isUseful(_ outcome: ChildProcess.Outcome) -> Bool {
    outcome.exit == .code(0) && !outcome.output.isEmpty
  }

  /// Runs the commands of an alert that can be run, and expects that each of them has something to say,
  /// and that one of them names who is to blame.
  ///
  /// - Returns: how many commands were run.
  static func expectUseful(
    _ labels: [String: String], _ annotations: [String: String], on host: TestHost,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> Int {
    let name = labels["alertname"] ?? ""
    expectExpanded(annotations, of: name, sourceLocation: sourceLocation)
    var said = ""
    var count = 0
    for command in commands(in: annotations["description"] ?? "") {
      let program = String(command.prefix { $0 != " " })
      #expect(
        (programs + otherPrograms + ["for"]).contains(program), "\(name): \(command)",
        sourceLocation: sourceLocation)
      guard canRun(command) else { continue }
      // Where nstat remembers what it said last.
      var words = ["env", "NSTAT_HISTORY=\(host.directory)/nstat", "sh", "-c", command]
      // The texts say to enter the namespace before anything but asking the exporter.
      if let namespace = labels["netns"], !command.hasPrefix("curl") {
        words = TestHost.inNetworkNamespace(namespace) + words
      }
      // Where the exporter's sample is late its page has nothing to say for a moment.
      let deadline = Deadline(after: .seconds(20))
      var outcome = try host.run(words)
      while !isUseful(outcome) && !deadline.hasPassed {
        Thread.sleep(forTimeInterval: 0.2)
        outcome = try host.run(words)
      }
      #expect(
        isUseful(outcome), "\(name): \(command): \(outcome.exit): \(outcome.errors)",
        sourceLocation: sourceLocation)
      said += outcome.text
      count += 1
    }
    if let culprit = labels["process"] ?? labels["parent"] {
      #expect(
        said.contains(culprit), "\(labels): its commands say only: \(said)",
        sourceLocation: sourceLocation)
    }
    return count
  }
}
