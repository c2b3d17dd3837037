import LinuxIO
import TestSupport
import Testing

/// The fixture hosts. What is expected of each was counted by other means; see `HOST.md` beside it.
enum Host: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case linux5 = "linux-5.10"
  case linux61 = "linux-6.1"
  case linux618 = "linux-6.18"

  var path: String { Fixtures.path("proc/" + rawValue) }

  func bytes(_ file: String) throws -> [UInt8] {
    try Fixtures.bytes("proc/\(rawValue)/\(file)")
  }

  func text(_ file: String) throws -> String {
    String(decoding: try bytes(file), as: UTF8.self)
  }

  var testDescription: String { rawValue }
}

/// Calls `body` with every beginning of a text, the empty and the whole one included.
func forEachBeginning(of bytes: [UInt8], _ body: ([UInt8]) throws -> Void) rethrows {
  for count in 0...bytes.count { try body(Array(bytes[..<count])) }
}

/// Calls `body` with the text, one byte of it replaced: each byte by each of some that matter to
/// parsers.
func forEachMutation(of bytes: [UInt8], _ body: ([UInt8]) throws -> Void) rethrows {
  let replacements: [UInt8] = [0, 0x09, 0x0a, 0x20, 0x28, 0x29, 0x2d, 0x30, 0x39, 0x3a, 0x66, 0xff]
  for position in bytes.indices {
    for replacement in replacements {
      var mutated = bytes
      mutated[position] = replacement
      try body(mutated)
    }
  }
}

/// What a parser makes of a text: a value, or the error that it may throw.
func outcome<Value>(_ parse: () throws(ParseError) -> Value) -> Result<Value, ParseError> {
  do throws(ParseError) {
    return .success(try parse())
  } catch {
    return .failure(error)
  }
}
