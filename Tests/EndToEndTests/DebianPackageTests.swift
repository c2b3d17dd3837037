import Foundation
import TestSupport
import Testing

/// The Debian package as a file. What it does to a host is tested by `make test-deb`, which takes minutes.
struct DebianPackageTests {
  private static let isRelease =
    ProcessInfo.processInfo.environment["SOCKET_EXPORTER_BINARY"] != nil
  private static let limit = Duration.seconds(600)

  @Test(
    .enabled(if: isRelease, "needs the release binary in SOCKET_EXPORTER_BINARY"),
    .enabled(if: Tools.areInstalled("dh", "lintian"), "needs debhelper and lintian"))
  func `it has what an operator looks for, and lintian nothing to complain about`() async throws {
    try await onBlockingThread {
      try Tools.withTemporaryDirectory { directory in
        try Tools.run(
          [
            "env", "DEBFULLNAME=Zoë O'Hara & Sons", "DEBEMAIL=ops@example.com",
            "SOURCE_DATE_EPOCH=0", "DEB_BUILD_OPTIONS=noautodbgsym",
            Repository.path("packaging/debian/build"), Exporter.path, directory, "7",
          ], within: Self.limit)
        let packages = try FileManager.default.contentsOfDirectory(atPath: directory)
        let package = try #require(packages.first)
        #expect(packages.count == 1)
        #expect(package.contains(/^socket-exporter_[0-9.]+-7_[a-z0-9]+\.deb$/))
        try Self.check(directory + "/" + package)
      }
    }
  }

  private static func check(_ package: String) throws {
    let contents = try Tools.run(["dpkg-deb", "--contents", package], within: limit).text
    for line in contents.split(separator: "\n") { #expect(line.contains("root/root"), "\(line)") }
    for file in [
      "/etc/default/socket-exporter", "/lib/systemd/system/socket-exporter.service",
      "/lib/systemd/system/socket-exporter.socket", "/usr/bin/socket-exporter",
      "/usr/share/bash-completion/completions/socket-exporter.bash",
      "/usr/share/fish/vendor_completions.d/socket-exporter.fish",
      "/usr/share/zsh/vendor-completions/_socket-exporter",
      "/usr/share/man/man1/socket-exporter.1.gz",
      "/usr/share/socket-exporter/prometheus/socket-exporter.alerts.yml",
      "/usr/share/socket-exporter/systemd/netns-all.conf",
      "/usr/share/socket-exporter/systemd/only-bpf.conf",
      "/usr/share/socket-exporter/systemd/only-procfs.conf",
      "/usr/share/socket-exporter/systemd/socket-activation.conf",
      "/usr/share/doc/socket-exporter/README.Debian", "/usr/share/doc/socket-exporter/NOTICE",
      "/usr/share/doc/socket-exporter/licences/swift/LICENSE.txt.gz",
      "/usr/share/doc/socket-exporter/runbooks/SocketCloseWaitHigh.md",
    ] + Dashboard.all.map({ "/usr/share/socket-exporter/dashboards/" + $0 }) {
      #expect(contents.contains(" .\(file)\n"), "\(file)")
    }

    try Tools.withTemporaryDirectory { root in
      try Tools.run(["dpkg-deb", "--extract", package, root])
      let dead = try deadLinks(below: root)
      #expect(dead == [])
    }

    func field(_ name: String) throws -> String {
      try Tools.run(["dpkg-deb", "--field", package, name]).text
    }
    #expect(try field("Maintainer") == "Zoë O'Hara & Sons <ops@example.com>\n")
    #expect(try field("Depends").contains("libmicrohttpd"))
    let conffiles = try Tools.run(["dpkg-deb", "--info", package, "conffiles"]).text
    #expect(conffiles == "/etc/default/socket-exporter\n")

    let lintian = try Tools.run(
      ["lintian", "--allow-root", "--fail-on", "error,warning", package], within: limit)
    #expect(lintian.text == "")
  }

  /// The links in the pages of a package that lead nowhere, but for those into the sources.
  private static func deadLinks(below root: String) throws -> [String] {
    let pages = try Tools.run(["find", root, "-name", "*.md"]).text.split(separator: "\n")
    #expect(pages.count > 20)
    return try pages.flatMap { page in
      try String(contentsOfFile: String(page), encoding: .utf8)
        .matches(of: /\]\(((?!https?:)[^)#\s]+)[^)]*\)/).map(\.1)
        .filter { !$0.contains(/^(\.\.\/)+(deploy\/(kubernetes|helm)|Benchmarks|README\.md)/) }
        .filter { link in
          let base = URL(filePath: String(page)).deletingLastPathComponent().path()
          return !FileManager.default.fileExists(
            atPath: link.hasPrefix("/") ? root + link : "\(base)\(link)")
        }
        .map { "\(page.dropFirst(root.utf8.count)): \($0)" }
    }
  }

  private static let isArchive =
    (try? Repository.text("packaging/debian/build").contains("$Format:")) == false

  @Test(
    .enabled(if: isRelease, "needs the release binary in SOCKET_EXPORTER_BINARY"),
    .disabled(if: isArchive, "git archive has told these sources their commit"))
  func `sources of no commit say what they need`() async throws {
    try await onBlockingThread {
      try Tools.withTemporaryDirectory { directory in
        let sources = directory + "/sources"
        for path in ["packaging/debian/build", "packaging/version"] {
          try Self.copy(path, to: sources)
        }
        try Self.copy("Sources/socket-exporter/Version.swift", to: sources)
        let built = try Tools.outcome(of: [
          "env", "--unset=DEBFULLNAME", "--unset=DEBEMAIL", "--unset=SOURCE_DATE_EPOCH",
          "GIT_CEILING_DIRECTORIES=" + directory,
          sources + "/packaging/debian/build", Exporter.path, directory,
        ])
        #expect(built.exit == .code(1))
        #expect(
          built.errors
            == "these sources are of no commit: set DEBFULLNAME, DEBEMAIL and SOURCE_DATE_EPOCH\n")
      }
    }
  }

  private static func copy(_ path: String, to sources: String) throws {
    // By another process: a child that another test starts meanwhile would have the script open for
    // writing, and it could not be executed ("text file busy").
    try Tools.run(["install", "-D", Repository.path(path), sources + "/" + path])
  }
}
