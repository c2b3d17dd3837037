internal import LinuxIO

/// Where `/proc/<pid>/ns/net` leads (namespaces(7)).
package enum NetworkNamespaceLink {
  /// The inode number of the namespace, out of a link's text like `net:[4026531840]`: as long as a
  /// namespace lasts no other one has it. Nil where the text is another or is cut.
  package static func parse(_ text: Span<UInt8>) -> UInt64? {
    var position = 0
    guard text.skip("net:[", at: &position), let inode = text.decimal(at: &position),
      text.skip("]", at: &position), position == text.count
    else {
      return nil
    }
    return inode
  }
}
