/// One response header. A value of this type is always fit to be sent (RFC 9110, section 5):
/// nothing in it ends the line or adds another header.
package struct HTTPHeader: Sendable, Equatable {
  /// The field name, e.g. `Content-Encoding`.
  package let name: String
  /// The field value.
  package let value: String

  /// A header from outside the program, e.g. from a configuration file; nil where the name is not a
  /// token, where the value is empty or has control characters, and for the names that say how long
  /// the message is, which only the server knows.
  package init?(name: String, value: String) {
    guard Self.isToken(name), Self.isValue(value),
      !["content-length", "transfer-encoding", "connection"].contains(name.lowercased())
    else { return nil }
    self.name = name
    self.value = value
  }

  /// A header written in the program; a wrong one is the programmer's mistake and traps.
  package init(_ name: StaticString, _ value: StaticString) {
    self.name = name.description
    self.value = value.description
    precondition(Self.isToken(self.name) && Self.isValue(self.value), "not a header: \(name)")
  }

  static func isValue(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 }
  }

  private static func isToken(_ text: String) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"):
          true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
      }
  }
}
