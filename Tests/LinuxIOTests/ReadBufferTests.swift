import Glibc
import LinuxIO
import Testing

struct ReadBufferTests {
  private let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
  }

  private func contents(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
  }

  @Test(arguments: [0, 1, 63, 64, 65, 127, 128, 129, 4095, 4096, 4097, 300_000])
  func wholeFilesAreReadWhateverTheCapacity(count: Int) throws {
    let expected = contents(count)
    let path = try directory.file("file", expected)
    for capacity in [-1, 0, 1, 64, 100, 4096] {
      var buffer = ReadBuffer(capacity: capacity)
      let read = try buffer.withContents(of: FileDescriptor.open(path), name: path) { bytes in
        (0..<bytes.count).map { bytes[$0] }
      }
      #expect(read == expected)
    }
  }

  @Test func nothingOfAnEarlierFileIsLeft() throws {
    let long = try directory.file("long", contents(10_000))
    let short = try directory.file("short", Array("short".utf8))
    let empty = try directory.file("empty")
    var buffer = ReadBuffer(capacity: 64)
    for (path, count) in [(long, 10_000), (short, 5), (empty, 0), (long, 10_000), (short, 5)] {
      let read = try buffer.withContents(of: FileDescriptor.open(path), name: path) { $0.count }
      #expect(read == count)
    }
  }

  @Test func filesThatClaimToBeEmptyAreRead() throws {
    // Files in /proc have size 0.
    var buffer = ReadBuffer(capacity: 64)
    let text = try buffer.withContents(
      of: FileDescriptor.open("/proc/self/status"), name: "self/status"
    ) { $0.text }
    #expect(text.hasPrefix("Name:\t"))
    #expect(text.hasSuffix("\n"))
    #expect(text.utf8.count > 64)
  }

  @Test func piecesOfAPipeAreJoined() throws {
    let pipe = Pipe()
    let message = contents(1000)
    #expect(write(pipe.writing, message, 1000) == 1000)
    close(pipe.writing)
    var buffer = ReadBuffer(capacity: 64)
    let reading = FileDescriptor(adopting: dup(pipe.reading))
    let read = try buffer.withContents(of: reading, name: "pipe") { bytes in
      (0..<bytes.count).map { bytes[$0] }
    }
    #expect(read == message)
  }

  @Test func errorsNameWhatWasRead() throws {
    var buffer = ReadBuffer()
    let error = #expect(throws: SystemError.self) {
      try buffer.withContents(
        of: FileDescriptor.open(directory.path, directory: true), name: "net/sockstat"
      ) { _ in }
    }
    #expect(error == SystemError("read", "net/sockstat", code: EISDIR))
    #expect(error?.description == "read net/sockstat: Is a directory")
    let errorOfLines = #expect(throws: SystemError.self) {
      try buffer.forEachLine(
        of: FileDescriptor.open(directory.path, directory: true), name: "net/tcp"
      ) { (_, _) in Issue.record("a directory has no lines") }
    }
    #expect(errorOfLines == SystemError("read", "net/tcp", code: EISDIR))
  }

  @Test func theBufferOutlivesAnErrorOfItsUser() throws {
    let path = try directory.file("file", Array("one\ntwo\nthree".utf8))
    var buffer = ReadBuffer(capacity: 64)
    for line in 1...3 {
      #expect(throws: ParseError(file: "file", line: line, field: "x")) {
        try buffer.forEachLine(of: FileDescriptor.open(path), name: "file") { (_, number) in
          if number == line { throw ParseError(file: "file", line: number, field: "x") }
        }
      }
    }
    #expect(throws: ParseError.self) {
      try buffer.withContents(of: FileDescriptor.open(path), name: "file") { _ in
        throw ParseError(file: "file", line: 1, field: "x")
      }
    }
    #expect(try lines(of: path, capacity: 64) == ["one", "two", "three"])
  }

  private func lines(of path: String, capacity: Int) throws -> [String] {
    var lines: [String] = []
    var buffer = ReadBuffer(capacity: capacity)
    try buffer.forEachLine(of: FileDescriptor.open(path), name: path) { (line, number) in
      lines.append(line.text)
      #expect(number == lines.count)
    }
    return lines
  }

  @Test(arguments: [
    "", "\n", "\n\n\n", "one", "one\n", "one\n\ntwo\n", "no end\nhere",
    // A line that is the room of 64 bytes exactly, one that is a byte less, one that is a byte more.
    String(repeating: "a", count: 63) + "\n" + String(repeating: "b", count: 64) + "\nc\n",
    String(repeating: "a", count: 64) + "\n" + String(repeating: "b", count: 63),
    String(repeating: "a", count: 1000) + "\n" + String(repeating: "b\n", count: 500),
    String(repeating: "0123456789\n", count: 1000),
    String(repeating: "x", count: 100_000),
  ])
  func linesAreThoseOfTheText(text: String) throws {
    let path = try directory.file("lines", Array(text.utf8))
    var expected = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    if expected.last == "" { expected.removeLast() }
    for capacity in [1, 64, 65, 128, 16 << 10] {
      #expect(try lines(of: path, capacity: capacity) == expected)
    }
  }

  @Test(arguments: 0...130)
  func aNewlineMayStandAnywhereInTheRoom(length: Int) throws {
    let text =
      String(repeating: "a", count: length) + "\n" + String(repeating: "b", count: 70) + "\n"
    let path = try directory.file("lines", Array(text.utf8))
    #expect(
      try lines(of: path, capacity: 64) == [
        String(repeating: "a", count: length), String(repeating: "b", count: 70),
      ])
  }
}
