import Glibc
import LinuxIO
import Testing

struct ErrorTests {
  @Test func textsSayWhatOfWhatAndWhy() {
    #expect(
      SystemError("open", "/proc/1/fd", code: EACCES).description
        == "open /proc/1/fd: Permission denied")
    #expect(
      SystemError("socket", code: EAFNOSUPPORT).description.hasPrefix("socket: Address family"))
    #expect(SystemError("read", "x", code: 99999).description == "read x: Unknown error 99999")
    #expect(
      ParseError(file: "net/sockstat", line: 3, field: "mem").description
        == "net/sockstat: line 3: cannot read mem")
  }

  @Test func kindsOfFailure() {
    for code in [ENOENT, ESRCH] {
      #expect(SystemError("open", code: code).isGone)
      #expect(!SystemError("open", code: code).isDenied)
    }
    for code in [EACCES, EPERM] {
      #expect(SystemError("open", code: code).isDenied)
      #expect(!SystemError("open", code: code).isGone)
    }
    for code in [EIO, EMFILE, EINTR, 0, -1] {
      #expect(!SystemError("open", code: code).isGone)
      #expect(!SystemError("open", code: code).isDenied)
    }
  }

  @Test func equalityLooksAtAllThree() {
    let error = SystemError("open", "a", code: EIO)
    #expect(error == SystemError("open", "a", code: EIO))
    #expect(error != SystemError("read", "a", code: EIO))
    #expect(error != SystemError("open", "b", code: EIO))
    #expect(error != SystemError("open", "a", code: EPERM))
  }

  @Test func theLastErrorIsTheThreads() {
    errno = ENAMETOOLONG
    #expect(SystemError.last("open", "x") == SystemError("open", "x", code: ENAMETOOLONG))
  }

  @Test func onlyInterruptsAreRetried() {
    var calls = 0
    let result = retryingInterrupts { () -> Int in
      calls += 1
      errno = EINTR
      return calls < 4 ? -1 : 7
    }
    #expect(result == 7)
    #expect(calls == 4)

    calls = 0
    let refused = retryingInterrupts { () -> Int32 in
      calls += 1
      errno = EAGAIN
      return -1
    }
    #expect(refused == -1)
    #expect(calls == 1)
  }
}
