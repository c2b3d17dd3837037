import Glibc
import LinuxIO
import ProcFS
import Testing

struct ProcFileSystemTests {
  @Test func aMissingMountPointIsNamed() {
    let error = #expect(throws: SystemError.self) {
      _ = try ProcFileSystem(path: "/no/such/proc")
    }
    #expect(error == SystemError("open", "/no/such/proc", code: ENOENT))
    let file = Host.linux5.path + "/net/sockstat"
    let noDirectory = #expect(throws: SystemError.self) { _ = try ProcFileSystem(path: file) }
    #expect(noDirectory?.code == ENOTDIR)
  }

  @Test func filesThatThisKernelDoesNotHave() throws {
    var procfs = try ProcFileSystem(path: Host.linux5.path)
    #expect(try procfs.readIfPresent("net/sockstat6") { $0.count } == nil)
    #expect(try procfs.readIfPresent("net/sockstat") { $0.count > 100 } == true)
    let error = #expect(throws: SystemError.self) {
      _ = try procfs.read("net/sockstat6") { $0.count }
    }
    #expect(error == SystemError("open", "net/sockstat6", code: ENOENT))
    // What a parser finds wrong is not taken for a missing file.
    #expect(throws: ParseError.self) {
      _ = try procfs.readIfPresent("net/sockstat") { _ throws(ParseError) -> Int in
        throw ParseError(file: "net/sockstat", line: 1, field: "used")
      }
    }
  }

  @Test(arguments: [(Host.linux5, 26), (.linux61, 45), (.linux618, 38)])
  func processesAreListedAgainAndAgain(host: Host, count: Int) throws {
    let procfs = try ProcFileSystem(path: host.path)
    var reader = DirectoryReader()
    let first = try procfs.processIDs(using: &reader).sorted()
    #expect(first.count == count)
    #expect(first[0] == 1)
    #expect(try procfs.processIDs(using: &reader).sorted() == first)
  }

  @Test func theKernelsOwn() throws {
    var procfs = try ProcFileSystem()
    var reader = DirectoryReader()
    let own = getpid()
    #expect(try procfs.processIDs(using: &reader).contains(own))
    let stat = try procfs.read("self/stat") { try ProcessStat(parsing: $0) }
    #expect(stat.parent == getppid())
    #expect(!stat.isKernelThread && !stat.isZombie)
  }
}
