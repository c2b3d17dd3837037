import Foundation
import TestSupport
import Testing

/// The bill of materials says what is in the binary: the binary is asked in other ways than it was made.
@Suite(.enabled(if: Release.canBePacked, Release.unpackability))
struct BillOfMaterialsTests {
  private static let validator = Repository.path("packaging/check-sbom")
  private static let library = Repository.path(".build/cyclonedx")
  /// Whatever else is wrong with it shows in the tests.
  private static let canBeValidated =
    (try? Tools.outcome(of: [validator, library, "install"], within: .seconds(600)))?
    .exit != .code(77)

  @Test(.enabled(if: canBeValidated, "needs cyclonedx-python-lib from PyPI"))
  func `CycloneDX knows everything in it`() async throws {
    try await onBlockingThread {
      let release = try Release.shared.get()
      let outcome = try Tools.outcome(of: [
        Self.validator, Self.library, "check", release.directory + "/" + release.billFile,
      ])
      #expect(outcome.exit == .code(0), "\(outcome.errors)")
    }
  }

  @Test(
    .enabled(if: canBeValidated, "needs cyclonedx-python-lib from PyPI"),
    arguments: [
      (#""type": "library""#, #""type": "librarie""#, "'librarie' is not one of"),
      (#""alg": "SHA-256""#, #""alg": "SHA-255""#, "SHA-255"),
      (#""id": "Apache-2.0""#, #""id": "Apache-2""#, "Apache-2"),
      (#""dependsOn": ["#, #""dependsOn": ["pkg:generic/nobody","#, "pkg:generic/nobody"),
    ])
  func `a mistake in it is named`(_ ours: String, _ mistaken: String, _ complaint: String)
    async throws
  {
    try await onBlockingThread {
      let release = try Release.shared.get()
      let text = String(decoding: try release.bytes(release.billFile), as: UTF8.self)
      let range = try #require(text.range(of: ours))
      try Tools.withTemporaryDirectory { directory in
        let file = directory + "/mistaken.cdx.json"
        try text.replacingCharacters(in: range, with: mistaken)
          .write(toFile: file, atomically: true, encoding: .utf8)
        let outcome = try Tools.outcome(of: [Self.validator, Self.library, "check", file])
        #expect(outcome.exit == .code(1))
        #expect(outcome.errors.contains(complaint), "\(outcome.errors)")
      }
    }
  }

  @Test func `its binary is the one in the tarball`() async throws {
    try await onBlockingThread {
      let release = try Release.shared.get()
      let program = try release.bill.metadata.component
      let sum = try Tools.run(["sha256sum", release.tree + "/socket-exporter"]).text
      let hash = try #require(program.hashes?.first)
      #expect(hash.alg == "SHA-256")
      #expect(sum.hasPrefix(hash.content + " "))
      let revision = try #require(program["revision"])
      #expect(
        try Exporter.run(["--version"]).text.hasPrefix(
          "socket-exporter \(program.version) (revision \(revision), "))
    }
  }

  /// The build directory tells the linker's list to the bill; here the symbols of the binary are asked.
  @Test func `its Swift packages are those of Package.resolved that the binary has code of`()
    async throws
  {
    struct Resolved: Decodable {
      struct Pin: Decodable {
        struct State: Decodable {
          let version: String
          let revision: String
        }
        let identity: String
        let state: State
      }
      let pins: [Pin]
    }
    try await onBlockingThread {
      let resolved = try JSONDecoder().decode(
        Resolved.self, from: Data(Repository.text("Package.resolved").utf8))
      let symbols = try Tools.run(["nm", Exporter.path]).text
      // A Swift symbol begins with the name of its module, after its length.
      var modules: Set<Substring> = []
      for match in symbols.matches(of: /\$s(\d+)(\w+)/) {
        if let length = Int(match.1) { modules.insert(match.2.prefix(length)) }
      }
      var linked: Set<[String]> = []
      for pin in resolved.pins {
        let own = try FileManager.default.contentsOfDirectory(
          atPath: Repository.path(".build/checkouts/\(pin.identity)/Sources"))
        guard own.contains(where: { modules.contains($0[...]) }) else { continue }
        linked.insert([pin.identity, pin.state.version, pin.state.revision])
      }
      #expect(linked.count > 2)
      let billed = try Release.shared.get().bill.components.filter {
        $0.purl?.hasPrefix("pkg:swift/") == true
      }
      #expect(Set(billed.map { [$0.name, $0.version, $0["revision"] ?? "-"] }) == linked)
      #expect(billed.allSatisfy { $0["linkage"] == "static" })
    }
  }

  @Test func `its libraries are those that the program loads, as Debian has them here`()
    async throws
  {
    try await onBlockingThread {
      let release = try Release.shared.get()
      let loaded = try Tools.run(["ldd", release.tree + "/socket-exporter"]).text
        .matches(of: /(?m)^\s(\S+) => \//).map { String($0.1) }
      let dynamic = try release.bill.components.filter { $0["linkage"] == "dynamic" }
      let billed = dynamic.flatMap { ($0["library"] ?? "").split(separator: ", ").map(String.init) }
      #expect(billed.sorted() == loaded.sorted())
      for library in ["libbpf.so.1", "libmicrohttpd.so.12", "libz.so.1", "libelf.so.1"] {
        #expect(loaded.contains(library))
      }
      for library in dynamic {
        let installed = try Tools.run([
          "dpkg-query", "--show", "--showformat=${Version}\n", library.name,
        ]).text
        #expect(installed.split(separator: "\n").contains(library.version[...]), "\(library.name)")
      }
      // What advisories go by.
      let zlib = try #require(dynamic.first { $0.name == "zlib1g" }?.purl)
      #expect(zlib.contains("&upstream=zlib"), "\(zlib)")
    }
  }

  @Test func `there is a licence in the tarball for all that is linked in`() async throws {
    try await onBlockingThread {
      let release = try Release.shared.get()
      let directories = try FileManager.default.contentsOfDirectory(
        atPath: release.tree + "/licences")
      let packages = try release.bill.components.filter {
        $0.purl?.hasPrefix("pkg:swift/") == true
      }
      #expect(Set(directories) == Set(packages.map(\.name) + ["swift"]))
      let notice = try Repository.text("NOTICE")
      for package in packages {
        #expect(notice.contains("\n  \(package.name) "), "\(package.name) is not in NOTICE")
      }
      for directory in directories {
        let licence = try String(
          contentsOfFile: "\(release.tree)/licences/\(directory)/LICENSE.txt", encoding: .utf8)
        #expect(licence.contains("Apache License"))
      }
    }
  }
}
