/// Kernel text that does not read as documented: which file, which line, which field.
package struct ParseError: Error, Equatable, CustomStringConvertible {
  /// The file's name, e.g. `net/sockstat`.
  package let file: String
  /// The line, beginning at 1.
  package let line: Int
  /// The field that was missing or malformed.
  package let field: String

  package init(file: String, line: Int, field: String) {
    self.file = file
    self.line = line
    self.field = field
  }

  package var description: String { "\(file): line \(line): cannot read \(field)" }
}
