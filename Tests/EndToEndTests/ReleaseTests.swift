import Foundation
import TestSupport
import Testing

/// What is released, made of the binary that the other tests run.
@Suite(.enabled(if: Release.canBePacked, Release.unpackability))
struct ReleaseTests {
  @Test func `the program runs from the tarball`() async throws {
    try await onBlockingThread {
      let release = try Release.shared.get()
      let program = release.tree + "/socket-exporter"
      let version = try Tools.run([program, "--version"]).text
      #expect(try version == Exporter.run(["--version"]).text)
      let page = try MetricPage(Tools.run([program, "metrics"]).output)
      let build = try #require(page.samples("socket_exporter_build_info").first)
      #expect(version.hasPrefix("socket-exporter \(build.labels["version"] ?? "-") "))
    }
  }

  @Test func `the tarball has what belongs to the program, and links that lead there`()
    async throws
  {
    try await onBlockingThread {
      let tree = try Release.shared.get().tree
      let found = try FileManager.default.contentsOfDirectory(atPath: tree)
      #expect(
        found.sorted() == [
          "CHANGELOG.md", "INSTALL.md", "LICENSE", "NOTICE", "README.md", "dashboards", "deploy",
          "docs", "documents", "licences", "socket-exporter",
        ])
      let dashboards = try FileManager.default.contentsOfDirectory(atPath: tree + "/dashboards")
      #expect(Set(dashboards) == Set(Dashboard.all + ["kustomization.yaml"]))

      func missing(_ paths: some Sequence<Substring>) -> Set<Substring> {
        Set(paths).filter { !FileManager.default.fileExists(atPath: "\(tree)/\($0)") }
      }
      let readme = try String(contentsOfFile: tree + "/README.md", encoding: .utf8)
      let links = readme.matches(of: /\]\(([^):#]+)[^)]*\)/).map(\.1)
      #expect(links.count > 10)
      // For those who have the sources.
      #expect(
        missing(links) == [
          "CONTRIBUTING.md", "deploy/compose", "docs/demo.md", "docs/releasing.md",
        ])
      let install = try String(contentsOfFile: tree + "/INSTALL.md", encoding: .utf8)
      let named = install.matches(of: /(?:\s|`|\()((?:deploy|docs|documents|dashboards)[^\s`)]*)/)
      #expect(named.count > 8)
      #expect(missing(named.map(\.1)) == [])
    }
  }

  @Test func `the page on installing names the libraries that have to be there`() async throws {
    try await onBlockingThread {
      let tree = try Release.shared.get().tree
      let needed = try Tools.run(["readelf", "--dynamic", "--wide", tree + "/socket-exporter"])
        .text.matches(of: /\(NEEDED\).*\[(.+)\]/).map { String($0.1) }
      let install = try String(contentsOfFile: tree + "/INSTALL.md", encoding: .utf8)
      let named = install.matches(of: /`(lib[^`]+\.so\.\d+)`/).map { String($0.1) }
      let versions = try Tools.run(["objdump", "--dynamic-syms", tree + "/socket-exporter"])
        .text.matches(of: /GLIBC_2\.(\d+)/).compactMap { Int($0.1) }
      #expect(install.contains("glibc 2.\(try #require(versions.max())) or newer"))
      // There is no Linux of glibc without these.
      let ofGlibc = needed.filter { $0.contains(/^(ld-linux.*|libc|libm)\.so/) }
      #expect(named.sorted() == needed.filter { !ofGlibc.contains($0) }.sorted())
    }
  }

  @Test func `nothing tells who packed it, when, and where it was built`() async throws {
    try await onBlockingThread {
      let release = try Release.shared.get()
      for tarball in try release.files where tarball.hasSuffix(".tar.gz") {
        let listed = try Tools.run([
          "tar", "--list", "--verbose", "--numeric-owner", "--full-time", "--utc", "--file",
          release.directory + "/" + tarball,
        ]).text.split(separator: "\n")
        // Mode, owner, size, date, time.
        let fields = listed.map { $0.split(separator: " ", maxSplits: 5) }
        #expect(fields.count > 50)
        #expect(Set(fields.map { $0[1] }) == ["0/0"])
        #expect(Set(fields.map { $0[3] + " " + $0[4] }).count == 1)
        #expect(
          Set(fields.map { $0[0] }).isSubset(
            of: ["drwxr-xr-x", "-rw-r--r--", "-rwxr-xr-x", "lrwxr-xr-x"]))
      }
      let program = try Data(contentsOf: URL(filePath: release.tree + "/socket-exporter"))
      #expect(program.count > 1_000_000)
      let target = try Tools.run(["swift", "-print-target-info"]).text
      let toolchain = try #require(
        target.firstMatch(of: /"runtimeResourcePath": "([^"]+)"/)
      ).1.replacing("\\/", with: "/")
      for path in [Repository.path(""), String(toolchain), "/.build/", "/checkouts/"] {
        #expect(program.range(of: Data(path.utf8)) == nil, "\(path)")
      }
    }
  }

  @Test func `packed again, elsewhere and under other settings, it has the same bytes`()
    async throws
  {
    try await onBlockingThread {
      let release = try Release.shared.get()
      try Tools.withTemporaryDirectory { directory in
        let again = directory + "/again"
        try Release.pack(
          into: again,
          wrapper: [
            "sh", "-c", "umask 077; cd /; \"$@\"", "sh", "env", "TZ=Pacific/Kiritimati",
            "LC_ALL=C.UTF-8", "TMPDIR=\(directory)",
          ])
        let files = try FileManager.default.contentsOfDirectory(atPath: again).sorted()
        #expect(try files == release.files)
        #expect(files.count == 4)
        for file in files {
          let bytes = try Data(contentsOf: URL(filePath: again + "/" + file))
          let isSame = try bytes == release.bytes(file)
          #expect(isSame, "\(file)")
        }
      }
    }
  }

  @Test func `the checksums hold, and notice a byte that was changed`() async throws {
    try await onBlockingThread {
      let release = try Release.shared.get()
      try Tools.withTemporaryDirectory { directory in
        try Tools.run(["cp", "-R", release.directory + "/.", directory])
        func outcome() throws -> ChildProcess.Outcome {
          try Tools.outcome(of: [
            "env", "--chdir", directory, "sha256sum", "--check", "--strict", "SHA256SUMS",
          ])
        }
        let whole = try outcome()
        #expect(whole.exit == .code(0))
        let files = try release.files.filter { $0 != "SHA256SUMS" }
        #expect(whole.text.split(separator: "\n").sorted() == files.map { "\($0): OK" })
        for file in files {
          let url = URL(filePath: directory + "/" + file)
          let bytes = try release.bytes(file)
          var changed = bytes
          changed[changed.count / 2] ^= 1
          try changed.write(to: url)
          #expect(try outcome().text.contains("\(file): FAILED\n"))
          try bytes.write(to: url)
        }
      }
    }
  }

  @Test func `the tarball of sources is the commit, and says what it is built with`() async throws {
    try await onBlockingThread {
      let sources = try Release.shared.get().sources
      let commit = try git("rev-parse", "HEAD")
      #expect(try Tools.run([sources + "/packaging/revision"]).text == commit)
      #expect(
        try Tools.run([sources + "/packaging/revision", "time"]).text
          == git("log", "-1", "--format=%ct"))
      #expect(
        try String(contentsOfFile: sources + "/Package.resolved", encoding: .utf8)
          == Repository.text("Package.resolved"))
      let committed = try git("ls-tree", "-r", "-z", "--name-only", "HEAD")
      let packed = try Tools.run(["find", sources, "!", "-type", "d", "-printf", "%P\\0"]).text
      #expect(
        Set(packed.split(separator: "\0"))
          == Set(committed.split(separator: "\0") + ["Package.resolved"]))
    }
  }

  private func git(_ arguments: String...) throws -> String {
    try Tools.run(["git", "-C", Repository.path("")] + arguments).text
  }
}
