import Glibc
import LinuxIO
import Testing

struct DirectoryReaderTests {
  @Test func onlyWholeNumbersThatFitAreNumbers() throws {
    let directory = try TemporaryDirectory()
    for name in [
      "1", "42", "2147483647", "2147483648", "99999999999999999999", "12a", "a12", ".5", "-3",
      "self",
      ".gitkeep", "1 ", "0",
    ] {
      _ = try directory.file(name)
    }
    var reader = DirectoryReader()
    let opened = try FileDescriptor.open(directory.path, directory: true)
    #expect(try reader.numbers(in: opened, name: "test").sorted() == [0, 1, 42, 2_147_483_647])

    var names: [String] = []
    let again = try FileDescriptor.open(directory.path, directory: true)
    try reader.forEachNumericName(in: again, name: "test") { (name) throws(SystemError) in
      names.append(String(cString: name))
    }
    #expect(
      names.sorted() == [
        "0", "1", "1 ", "12a", "2147483647", "2147483648", "42", "99999999999999999999",
      ])
  }

  @Test(arguments: [512, 1000, 64 << 10])
  func directoriesLongerThanTheRoomAreReadToTheirEnd(capacity: Int) throws {
    let directory = try TemporaryDirectory()
    for number in 1...700 { _ = try directory.file(String(number)) }
    var reader = DirectoryReader(capacity: capacity)
    let opened = try FileDescriptor.open(directory.path, directory: true)
    #expect(try reader.numbers(in: opened, name: "test").sorted() == Array(1...700))
    // It has been read to its end, and stays there.
    #expect(try reader.numbers(in: opened, name: "test").isEmpty)
  }

  @Test func anEmptyDirectoryHasNone() throws {
    let directory = try TemporaryDirectory()
    var reader = DirectoryReader()
    #expect(
      try reader.numbers(
        in: FileDescriptor.open(directory.path, directory: true), name: "test"
      ).isEmpty)
  }

  @Test func errorsNameTheDirectory() throws {
    let directory = try TemporaryDirectory()
    let file = try FileDescriptor.open(directory.file("file"))
    var reader = DirectoryReader()
    let error = #expect(throws: SystemError.self) { _ = try reader.numbers(in: file, name: "fd") }
    #expect(error == SystemError("getdents64", "fd", code: ENOTDIR))
  }

  @Test func anErrorOfTheUserEndsTheListing() throws {
    let directory = try TemporaryDirectory()
    for number in 1...10 { _ = try directory.file(String(number)) }
    var reader = DirectoryReader()
    var calls = 0
    let opened = try FileDescriptor.open(directory.path, directory: true)
    let error = #expect(throws: SystemError.self) {
      try reader.forEachNumericName(in: opened, name: "test") { (_) throws(SystemError) in
        calls += 1
        throw SystemError("readlink", code: EACCES)
      }
    }
    #expect(error?.operation.description == "readlink")
    #expect(calls == 1)
  }
}
