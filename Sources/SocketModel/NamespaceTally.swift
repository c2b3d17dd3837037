/// How many network namespaces other than the exporter's own there are, and how reading them fared.
package struct NamespaceTally: Sendable, Equatable {
  package var read: UInt64 = 0
  /// They could not be entered, or not all of them could be read; the log says why.
  package var failed: UInt64 = 0
  /// There were more than are read.
  package var skipped: UInt64 = 0

  package init() {}
}
