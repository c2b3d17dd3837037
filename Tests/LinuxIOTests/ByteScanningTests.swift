import LinuxIO
import Testing

struct ByteScanningTests {
  /// Text, where the scan begins, what it yields, where it ends.
  struct Scan: Sendable, CustomTestStringConvertible {
    let text: String
    let start: Int
    let value: UInt64?
    let end: Int

    init(_ text: String, from start: Int = 0, _ value: UInt64?, end: Int) {
      self.text = text
      self.start = start
      self.value = value
      self.end = end
    }

    var testDescription: String { "\(text.debugDescription) from \(start)" }
  }

  @Test(arguments: [
    Scan("0", 0, end: 1),
    Scan("7\n", 7, end: 1),
    Scan("00042 ", 42, end: 5),
    Scan("ab12cd", from: 2, 12, end: 4),
    Scan("18446744073709551615", .max, end: 20),
    Scan("00000000000000000018446744073709551615x", .max, end: 38),
    // One and ten more than 64 bits hold, and far more.
    Scan("18446744073709551616", nil, end: 0),
    Scan("18446744073709551625", nil, end: 0),
    Scan("184467440737095516150", nil, end: 0),
    Scan(String(repeating: "9", count: 5000), nil, end: 0),
    Scan("", nil, end: 0),
    Scan(" 1", nil, end: 0),
    Scan("-1", nil, end: 0),
    Scan("+1", nil, end: 0),
    Scan("x", nil, end: 0),
    Scan("12", from: 2, nil, end: 2),
    Scan("12", from: 3, nil, end: 3),
    // The neighbours of the digits in ASCII.
    Scan("1/", 1, end: 1),
    Scan("1:", 1, end: 1),
  ])
  func decimal(_ scan: Scan) {
    var position = scan.start
    #expect(Array(scan.text.utf8).span.decimal(at: &position) == scan.value)
    #expect(position == scan.end)
  }

  @Test(arguments: [
    Scan("0", 0, end: 1),
    Scan("0A ", 10, end: 2),
    Scan("dEadbeef", 0xdead_beef, end: 8),
    Scan("ffffffffffffffff", .max, end: 16),
    Scan("0000ffffffffffffffffg", .max, end: 20),
    Scan("10000000000000000", nil, end: 0),
    Scan(String(repeating: "f", count: 5000), nil, end: 0),
    Scan("", nil, end: 0),
    Scan(" f", nil, end: 0),
    Scan("-f", nil, end: 0),
    Scan("g", nil, end: 0),
    Scan("0x1f", 0, end: 1),
    // The neighbours of the digits in ASCII.
    Scan("1/", 1, end: 1),
    Scan("1:", 1, end: 1),
    Scan("1@", 1, end: 1),
    Scan("1G", 1, end: 1),
    Scan("1`", 1, end: 1),
    Scan("1g", 1, end: 1),
  ])
  func hexadecimal(_ scan: Scan) {
    var position = scan.start
    #expect(Array(scan.text.utf8).span.hexadecimal(at: &position) == scan.value)
    #expect(position == scan.end)
  }

  @Test(arguments: [
    ("", 0, 0), (" ", 0, 1), (" \t \tx", 0, 4), ("x ", 0, 0), ("x ", 1, 2), ("\n ", 0, 0),
    ("ab", 2, 2),
  ])
  func spacesEndAtAnythingElse(text: String, start: Int, end: Int) {
    var position = start
    Array(text.utf8).span.skipSpaces(at: &position)
    #expect(position == end)
  }

  @Test(arguments: [
    ("one two", 0, true, 3), ("one two", 3, true, 7), ("one two", 7, false, 7), ("", 0, false, 0),
    ("   ", 0, false, 3), ("a\nb", 0, true, 1), ("a\nb", 1, false, 1), ("\u{1}", 0, false, 0),
    ("(x)-1 y", 0, true, 5),
  ])
  func words(text: String, start: Int, found: Bool, end: Int) {
    var position = start
    #expect(Array(text.utf8).span.skipWord(at: &position) == found)
    #expect(position == end)
  }

  @Test(arguments: [
    ("SigIgn:\t0", 0, true, 7), ("SigIgn:", 0, true, 7), ("SigIgn", 0, false, 0), ("", 0, false, 0),
    ("xSigIgn:", 1, true, 8), ("SigCgt:", 0, false, 0), ("sigign:", 0, false, 0),
    ("SigIgn:", 8, false, 8),
    ("SigIgn:", -1, false, -1),
  ])
  func literals(text: String, start: Int, found: Bool, end: Int) {
    var position = start
    #expect(Array(text.utf8).span.skip("SigIgn:", at: &position) == found)
    #expect(position == end)
  }

  @Test func bytesAreFoundFromEitherEnd() {
    let text = Array("a(b(c)d)e".utf8)
    let parenthesis = UInt8(ascii: "(")
    #expect(text.span.firstIndex(of: parenthesis) == 1)
    #expect(text.span.firstIndex(of: parenthesis, from: 2) == 3)
    #expect(text.span.firstIndex(of: parenthesis, from: 4) == nil)
    #expect(text.span.firstIndex(of: parenthesis, from: 99) == nil)
    #expect(text.span.lastIndex(of: UInt8(ascii: ")")) == 7)
    #expect(text.span.lastIndex(of: UInt8(ascii: "x")) == nil)
    #expect([UInt8]().span.firstIndex(of: parenthesis) == nil)
    #expect([UInt8]().span.lastIndex(of: parenthesis) == nil)
  }

  @Test(arguments: [
    ("", []), ("\n", [""]), ("a", ["a"]), ("a\n", ["a"]), ("a\nb", ["a", "b"]),
    ("a\n\nb\n", ["a", "", "b"]), ("\n\n", ["", ""]), ("a\r\nb\0c\n", ["a\r", "b\0c"]),
  ])
  func lines(text: String, expected: [String]) {
    var lines: [String] = []
    var numbers: [Int] = []
    Array(text.utf8).span.forEachLine { (line, number) in
      lines.append(line.text)
      numbers.append(number)
    }
    #expect(lines == expected)
    #expect(numbers == Array(0..<expected.count).map { $0 + 1 })
  }

  @Test func linesStopWhereTheBodyThrows() {
    var seen = 0
    #expect(throws: ParseError(file: "f", line: 2, field: "x")) {
      try Array("a\nb\nc\n".utf8).span.forEachLine { (_, number) throws(ParseError) in
        seen = number
        if number == 2 { throw ParseError(file: "f", line: number, field: "x") }
      }
    }
    #expect(seen == 2)
  }

  @Test func textIsAlwaysValid() {
    #expect(Array("caf\u{e9} \u{1F9F5}".utf8).span.text == "caf\u{e9} \u{1F9F5}")
    #expect([0x63, 0xff, 0x64].span.text == "c\u{fffd}d")
    // A character cut in two, as the kernel's limit of 15 bytes does.
    #expect([0x61, 0xe6, 0x97].span.text == "a\u{fffd}")
    // A surrogate and an overlong slash.
    #expect(![0xed, 0xa0, 0x80, 0xc0, 0xaf].span.text.utf8.contains(UInt8(ascii: "/")))
    #expect([UInt8]().span.text.isEmpty)
  }
}
