import Glibc
import LinuxIO
import SockDiag
import Testing

struct RetryTests {
  /// Plays the outcomes one after the other, nil being success, and tells how many were asked for.
  private func play(_ outcomes: [NetlinkError?]) -> (attempts: Int, error: NetlinkError?) {
    var attempts = 0
    do throws(NetlinkError) {
      try SocketDump.retrying { () throws(NetlinkError) -> Void in
        attempts += 1
        if let error = outcomes[attempts - 1] { throw error }
      }
      return (attempts, nil)
    } catch {
      return (attempts, error)
    }
  }

  @Test(arguments: [
    NetlinkError.interrupted, .overrun, .timedOut, .truncated, .refused(code: ENOBUFS),
    .refused(code: EINTR), .system(SystemError("recv", code: ENOMEM)),
  ])
  func whatMayPassIsTriedThreeTimesAtMost(error: NetlinkError) {
    #expect(play([nil]) == (1, nil))
    #expect(play([error, nil]) == (2, nil))
    #expect(play([error, error, nil]) == (3, nil))
    #expect(play([error, error, error, nil]) == (3, error))
    #expect(!error.isRefusal)
  }

  @Test(arguments: [EPERM, EACCES, ENOENT, EOPNOTSUPP, EPROTONOSUPPORT, EAFNOSUPPORT, EINVAL])
  func aRefusalIsNotTriedAgain(code: Int32) {
    for error in [
      NetlinkError.refused(code: code), .system(SystemError("socket", code: code)),
    ] {
      #expect(play([error, nil]) == (1, error))
      #expect(error.isRefusal)
    }
  }

  @Test func neitherARefusalNorWorthAnotherAttempt() {
    for error in [
      NetlinkError.malformed(offset: 3), .system(SystemError("socket", code: EMFILE)),
    ] {
      #expect(play([error, nil]) == (1, error))
      #expect(!error.isRefusal)
    }
  }
}
