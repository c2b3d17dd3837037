import Foundation
import TestSupport
import Testing

/// What `make dist` would release of the binary under test, packed and unpacked.
final class Release: Sendable {
  static let canBePacked =
    FileManager.default.fileExists(atPath: Repository.path(".git"))
    && FileManager.default.fileExists(atPath: linkedObjects)
    && Exporter.path.hasSuffix("/release/socket-exporter")
    && Tools.areInstalled("dpkg-query", "git", "nm", "python3", "readelf", "strip")
  static let unpackability: Comment =
    "needs a binary of make build where it was built, a clone, binutils, git and python3 on Debian"

  /// Packed once for all tests.
  static let shared = Result { try Release() }

  private static let linkedObjects =
    URL(filePath: Exporter.path).deletingLastPathComponent().path()
    + "socket-exporter.product/Objects.LinkFileList"

  /// Where the tarballs are.
  let directory: String
  /// What the tarball of the binary has in it.
  let tree: String
  /// Likewise that of the sources.
  let sources: String
  private let lent: TemporaryDirectory

  private init() throws {
    lent = try TemporaryDirectory()
    directory = lent.path + "/dist"
    tree = lent.path + "/tree"
    sources = lent.path + "/sources"
    try Self.pack(into: directory)
    for (tarball, into) in [("linux-*", tree), ("source", sources)] {
      try FileManager.default.createDirectory(atPath: into, withIntermediateDirectories: true)
      try Tools.run([
        "sh", "-c", "tar --extract --strip-components=1 --directory=\(into) --file \"$(echo $0)\"",
        "\(directory)/socket-exporter-*-\(tarball).tar.gz",
      ])
    }
  }

  /// Also from sources that have changes yet: it is the packing that is tested.
  ///
  /// - Parameter wrapper: a command to run it by.
  static func pack(into directory: String, wrapper: [String] = []) throws {
    try Tools.run(
      wrapper + ["env", "DIRTY=1", Repository.path("packaging/dist"), Exporter.path, directory],
      within: .seconds(600))
  }

  var files: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: directory).sorted() }
  }

  func bytes(_ file: String) throws -> Data {
    try Data(contentsOf: URL(filePath: directory + "/" + file))
  }

  var bill: BillOfMaterials {
    get throws {
      try JSONDecoder().decode(BillOfMaterials.self, from: bytes(billFile))
    }
  }

  var billFile: String {
    get throws { try #require(try files.first { $0.hasSuffix(".cdx.json") }) }
  }
}

/// What of CycloneDX is used.
struct BillOfMaterials: Decodable {
  struct Component: Decodable {
    struct Hash: Decodable {
      let alg: String
      let content: String
    }
    private struct Property: Decodable {
      let name: String
      let value: String
    }

    let name: String
    let version: String
    let purl: String?
    let hashes: [Hash]?
    private let properties: [Property]

    /// That of our own with this name.
    subscript(_ name: String) -> String? {
      properties.first { $0.name == "socket-exporter:" + name }?.value
    }
  }
  struct Metadata: Decodable { let component: Component }

  let metadata: Metadata
  let components: [Component]
}
