import Foundation
import TestSupport
import Testing

/// What bash, zsh and fish make of the completions, asked as somebody does who types.
struct CompletionTests {
  private static let script = Repository.path("Tests/Fixtures/offered.py")

  enum Shell: String, CaseIterable, CustomTestStringConvertible {
    case bash, zsh, fish
    var testDescription: String { rawValue }
  }
  private static let areInstalled = Tools.areInstalled("bash", "zsh", "fish")

  private static func offered(
    by shell: Shell, after line: String, _ directory: String
  ) throws -> Set<String> {
    let words = try Tools.run(
      [script, shell.rawValue, directory, "socket-exporter " + line], within: .seconds(600))
    return Set(words.text.split(separator: "\n").map(String.init))
  }

  @Test(.enabled(if: areInstalled, "needs bash, zsh and fish"), arguments: Shell.allCases)
  func `every option of --help is offered, and no other`(_ shell: Shell) async throws {
    try await CommandDocuments.with { directory in
      for command in ["serve", "metrics"] {
        let options = try CommandDocuments.options(of: command)
        // Fish offers short options only after a single dash.
        let long = options.filter { $0.hasPrefix("--") }
        #expect(long.count > 20)
        let words = try Self.offered(by: shell, after: command + " --", directory)
        #expect(words == long, "\(command)")
      }
    }
  }

  @Test(
    .enabled(if: areInstalled, "needs bash, zsh and fish"), arguments: Shell.allCases,
    [
      ("", ["serve", "metrics", "help"]),
      ("m", ["metrics"]),
      ("help ", ["serve", "metrics", "help"]),
      // The options of serve, which is left out.
      ("--web.sys", ["--web.systemd-socket"]),
      ("metrics --web", []),
      ("serve --format", []),
      ("metrics --format ", ["text", "openmetrics"]),
      ("--backend ", ["auto", "bpf", "procfs"]),
      ("--backend=p", ["procfs"]),
      ("serve --netns ", ["own", "all"]),
      ("--process.group-by=", ["comm", "exe", "unit", "container"]),
      ("metrics --path.procfs /pro", ["/proc"]),
      // It may come again.
      ("--web.listen-address :1 --web.lis", ["--web.listen-address"]),
    ])
  func `what can come next is offered`(
    _ shell: Shell, _ expected: (line: String, words: [String])
  ) async throws {
    try await CommandDocuments.with { directory in
      let words = try Self.offered(by: shell, after: expected.line, directory)
      #expect(words == Set(expected.words))
    }
  }

  /// Fish offers it again.
  @Test(.enabled(if: areInstalled, "needs bash, zsh and fish"), arguments: [Shell.bash, .zsh])
  func `what was typed is not offered again`(_ shell: Shell) async throws {
    try await CommandDocuments.with { directory in
      for line in ["--web.max-requests 3 --web.max-r", "--no-collector.tcp --no-collector.t"] {
        let words = try Self.offered(by: shell, after: line, directory)
        #expect(words == [], "\(line)")
      }
    }
  }
}
