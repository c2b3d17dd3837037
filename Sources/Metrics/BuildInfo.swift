/// What the binary knows about itself.
package struct BuildInfo: Sendable, Equatable {
  /// The release, e.g. `0.1.0`.
  package var version: String
  /// The commit it was built from, or `unknown`.
  package var revision: String
  /// The version of the Swift compiler.
  package var swift: String

  package init(version: String, revision: String, swift: String) {
    self.version = version
    self.revision = revision
    self.swift = swift
  }
}
