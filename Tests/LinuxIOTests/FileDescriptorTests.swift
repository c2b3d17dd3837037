import Glibc
import LinuxIO
import Testing

struct FileDescriptorTests {
  @Test func theOnlyOwnerCloses() {
    let pipe = Pipe()
    do {
      let owner = FileDescriptor(adopting: pipe.writing)
      let number = owner.rawValue
      #expect(number == pipe.writing)
      #expect(pipe.isOpen)
    }
    #expect(pipe.isClosed)
  }

  @Test func ownershipMoves() {
    let pipe = Pipe()
    let first = FileDescriptor(adopting: pipe.writing)
    func take(_ owner: consuming FileDescriptor) {
      #expect(pipe.isOpen)
      _ = owner.rawValue
    }
    take(first)
    #expect(pipe.isClosed)
  }

  @Test func whatIsReleasedStaysOpen() {
    let pipe = Pipe()
    let number = FileDescriptor(adopting: pipe.writing).release()
    #expect(number == pipe.writing)
    #expect(pipe.isOpen)
    close(number)
    #expect(pipe.isClosed)
  }

  @Test func anErrorInTheOwnersScopeCloses() {
    let pipe = Pipe()
    func fail() throws {
      let owner = FileDescriptor(adopting: pipe.writing)
      if owner.rawValue >= 0 { throw SystemError("test", code: EIO) }
    }
    #expect(throws: SystemError.self) { try fail() }
    #expect(pipe.isClosed)
  }

  @Test func openedFilesAreNotInherited() throws {
    let directory = try TemporaryDirectory()
    let file = try FileDescriptor.open(directory.file("file"))
    let flags = fcntl(file.rawValue, F_GETFD)
    #expect(flags & FD_CLOEXEC != 0)
    let opened = try FileDescriptor.open(directory.path, directory: true)
    let flagsOfDirectory = fcntl(opened.rawValue, F_GETFD)
    #expect(flagsOfDirectory & FD_CLOEXEC != 0)
  }

  @Test func pathsBelowADirectory() throws {
    let directory = try TemporaryDirectory()
    _ = try directory.file("file", Array("content".utf8))
    let opened = try FileDescriptor.open(directory.path, directory: true)
    var buffer = ReadBuffer()
    let text = try buffer.withContents(of: opened.open(below: "file"), name: "file") { $0.text }
    #expect(text == "content")
    let error = #expect(throws: SystemError.self) { _ = try opened.open(below: "missing") }
    #expect(error == SystemError("open", "missing", code: ENOENT))
  }

  @Test func refusalsNameThePath() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.file("file")
    let missing = #expect(throws: SystemError.self) { _ = try FileDescriptor.open("/no/such/file") }
    #expect(missing?.description == "open /no/such/file: No such file or directory")
    #expect(missing?.isGone == true)
    let notADirectory = #expect(throws: SystemError.self) {
      _ = try FileDescriptor.open(file, directory: true)
    }
    #expect(notADirectory == SystemError("open", file, code: ENOTDIR))
  }
}
