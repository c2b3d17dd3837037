import Glibc
import TestSupport

/// A pipe that tells whether its writing end is open. The test closes that, or has it closed.
final class Pipe {
  let reading: Int32
  let writing: Int32

  init() {
    var ends: [Int32] = [-1, -1]
    precondition(pipe(&ends) == 0)
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    (reading, writing) = (ends[0], ends[1])
  }

  deinit {
    close(reading)
  }

  /// Whether the writing end is closed, or will be in a moment: a child that another test starts
  /// holds a copy until it executes its program.
  var isClosed: Bool { hungUp(within: .patience) }

  var isOpen: Bool { !hungUp(within: .zero) }

  private func hungUp(within limit: Duration) -> Bool {
    var request = pollfd(fd: reading, events: 0, revents: 0)
    let milliseconds = Int32(limit / .milliseconds(1))
    return poll(&request, 1, milliseconds) == 1 && request.revents & Int16(POLLHUP) != 0
  }
}
