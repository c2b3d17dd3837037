import Foundation
import TestSupport
import Testing

/// Of which sources no release is made. Each test has a clone of its own to change.
@Suite(
  .enabled(
    if: FileManager.default.fileExists(atPath: Repository.path(".git"))
      && Tools.areInstalled("git"), "needs a clone and git"))
struct ReleasableTests {
  @Test func `sources that are committed can be released`() throws {
    try withClone { clone in
      let outcome = try clone.ask()
      #expect(outcome.exit == .code(0), "\(outcome.errors)")
    }
  }

  @Test(arguments: ["README.md", "Sources/socket-exporter/New.swift"])
  func `what is not committed is named, unless that is asked for`(_ file: String) throws {
    try withClone { clone in
      try clone.append("\n", to: file)
      let outcome = try clone.ask()
      #expect(outcome.exit == .code(1))
      #expect(outcome.errors.contains(" \(file)\n"), "\(outcome.errors)")
      #expect(try clone.ask("DIRTY=1").exit == .code(0))
    }
  }

  @Test(arguments: ["## Unreleased", "## 0.0.9 (unreleased)", "## 0.0.9 (2026-11-21)"])
  func `a change log that does not begin with the version is refused`(_ heading: String) throws {
    try withClone { clone in
      try clone.replaceHeading(with: heading)
      let outcome = try clone.ask("DIRTY=1")
      #expect(outcome.exit == .code(1))
      #expect(outcome.errors.contains("CHANGELOG.md begins with \"\(heading)\"\n"))
    }
  }

  @Test func `a tag has to be that of the version, and the version to have a date`() throws {
    try withClone { clone in
      let version = try clone.version
      try clone.replaceHeading(with: "## \(version) (unreleased)")
      try clone.commit()
      // Forced, for a clone has the tags that are there already.
      try clone.git("tag", "--force", "v\(version)")
      #expect(try clone.ask().errors.contains("CHANGELOG.md has no date"))

      try clone.replaceHeading(with: "## \(version) (2026-11-30)")
      try clone.commit()
      try clone.git("tag", "--force", "v\(version)")
      #expect(try clone.ask().exit == .code(0))

      try clone.git("tag", "v99.0.0")
      #expect(try clone.ask().errors.contains("the commit is tagged v99.0.0, the version is"))
    }
  }

  @Test func `a binary of another commit is refused`() throws {
    try withClone { clone in
      try clone.append("\n", to: "README.md")
      try clone.commit()
      let outcome = try Tools.outcome(of: [
        "env", "--unset=DIRTY", clone.directory + "/packaging/dist", Exporter.path,
        clone.directory + "/../dist",
      ])
      #expect(outcome.exit == .code(1))
      #expect(outcome.errors.contains("run make build"), "\(outcome.errors)")
    }
  }

  private func withClone(_ body: (Clone) throws -> Void) throws {
    try Tools.withTemporaryDirectory { directory in
      let clone = Clone(directory: directory + "/clone")
      // Not by links to its files, which fail where somebody else commits at this moment.
      try Tools.run([
        "git", "clone", "--quiet", "--no-local", Repository.path(""), clone.directory,
      ])
      // The scripts under test are those that are here, committed or not.
      for script in ["dist", "releasable", "revision", "version"] {
        try Tools.run([
          "cp", Repository.path("packaging/" + script), clone.directory + "/packaging",
        ])
      }
      try clone.commit()
      try body(clone)
    }
  }

  private struct Clone {
    let directory: String

    var version: String {
      get throws {
        try Tools.run([directory + "/packaging/version"]).text.trimmingCharacters(in: .newlines)
      }
    }

    func ask(_ settings: String...) throws -> ChildProcess.Outcome {
      try Tools.outcome(
        of: ["env", "--unset=DIRTY"] + settings + [directory + "/packaging/releasable"])
    }

    func append(_ text: String, to file: String) throws {
      let url = URL(filePath: directory + "/" + file)
      let before = (try? String(contentsOf: url, encoding: .utf8)) ?? ""
      try (before + text).write(to: url, atomically: false, encoding: .utf8)
    }

    func replaceHeading(with heading: String) throws {
      let url = URL(filePath: directory + "/CHANGELOG.md")
      let text = try String(contentsOf: url, encoding: .utf8)
      let found = try #require(text.firstMatch(of: /(?m)^## .*$/))
      try text.replacingCharacters(in: found.range, with: heading)
        .write(to: url, atomically: false, encoding: .utf8)
    }

    func commit() throws {
      try git("add", "--all")
      try git("commit", "--quiet", "--allow-empty", "--message", "Change something")
    }

    func git(_ arguments: String...) throws {
      try Tools.run(
        // Nobody's own configuration, which may want commits signed.
        ["env", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "git", "-C", directory]
          + ["-c", "user.name=Nobody", "-c", "user.email=nobody@example.com"] + arguments)
    }
  }
}
