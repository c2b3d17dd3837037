internal import Foundation

/// The files in `Tests/Fixtures`, found beside the sources: a resource bundle would need more than
/// the plain files it holds.
package enum Fixtures {
  package static func path(_ name: String) -> String {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(components: "Fixtures", name).path()
  }

  package static func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(filePath: path(name))))
  }
}
