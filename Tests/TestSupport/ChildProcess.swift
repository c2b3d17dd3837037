internal import CTestSupport
internal import Foundation
internal import Glibc

/// A process that a test started. It is killed and reaped at the latest when nobody refers to it.
///
/// Written on posix_spawn(3) because Foundation's `Process` starts children on a thread of its own
/// choosing and with the signals that thread happens to block.
package final class ChildProcess: @unchecked Sendable {
  /// How a process ended.
  package enum Exit: Equatable, Sendable {
    case code(Int32)
    case signal(Int32)
  }

  /// What a process that has ended left behind.
  package struct Outcome: Sendable {
    package let exit: Exit
    package let output: [UInt8]
    package let errors: String

    package var text: String { String(decoding: output, as: UTF8.self) }
  }

  /// The process id, as the test process sees it.
  package let pid: Int32
  let input: PipeEnd
  package let output: PipeEnd
  package let errors: PipeEnd
  private let lock = NSLock()
  private var exit: Exit?

  /// A command for an actor that has died must fail, not end the tests.
  private static let ignoresBrokenPipes = signal(SIGPIPE, SIG_IGN)

  /// Starts a program; its standard streams are pipes.
  init(_ arguments: [String], on thread: SpawningThread = .ordinary) throws {
    _ = Self.ignoresBrokenPipes
    let input = try Pipe()
    let output = try Pipe()
    let errors = try Pipe()
    let streams = [input.readEnd.number, output.writeEnd.number, errors.writeEnd.number]
    pid = try thread.run { try Self.spawn(arguments, streams: streams) }
    self.input = input.writeEnd
    self.output = output.readEnd
    self.errors = errors.readEnd
  }

  deinit {
    end()
  }

  package func send(signal: Int32) {
    lock.lock()
    defer { lock.unlock() }
    // Once reaped, the number may belong to somebody else.
    if exit == nil { kill(pid, signal) }
  }

  /// Waits for the end of the process.
  package func wait(within limit: Duration = .patience) throws -> Exit {
    try eventually("process \(pid) ends", within: limit) { reap(options: WNOHANG) }
  }

  /// Kills the process if it still runs, and reaps it.
  package func end() {
    send(signal: SIGKILL)
    _ = reap(options: 0)
  }

  /// Collects what the process prints until it ends.
  package func outcome(within limit: Duration = .patience) throws -> Outcome {
    let deadline = Deadline(after: limit)
    input.close()
    var printed: [UInt8] = []
    var complained: [UInt8] = []
    while output.isOpen || errors.isOpen {
      if deadline.hasPassed {
        end()
        throw TestFailure(
          "still running after \(limit); it said: \(String(decoding: complained, as: UTF8.self))")
      }
      PipeEnd.awaitAny([output, errors], until: deadline)
      output.readAvailable(into: &printed)
      errors.readAvailable(into: &complained)
    }
    return Outcome(
      exit: try wait(within: limit), output: printed,
      errors: String(decoding: complained, as: UTF8.self))
  }

  private func reap(options: Int32) -> Exit? {
    lock.lock()
    defer { lock.unlock() }
    if let exit { return exit }
    var status: Int32 = 0
    var result: Int32
    repeat { result = waitpid(pid, &status, options) } while result == -1 && errno == EINTR
    guard result == pid else { return nil }
    let signal = status & 0x7f
    exit = signal == 0 ? .code(status >> 8 & 0xff) : .signal(signal)
    return exit
  }

  private static func spawn(_ arguments: [String], streams: [Int32]) throws -> Int32 {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (number, stream) in streams.enumerated() {
      posix_spawn_file_actions_adddup2(&actions, stream, Int32(number))
    }
    // Whatever else the test runner has open: tests count descriptors.
    ctestsupport_close_from(&actions, 3)

    // A program starts as from a shell: no signal blocked, none ignored, whatever this thread does.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
    words.append(nil)
    defer { words.forEach { free($0) } }
    var pid: Int32 = 0
    let code = posix_spawnp(&pid, arguments[0], &actions, &attributes, words, environ)
    guard code == 0 else {
      throw TestFailure("cannot start \(arguments[0]): \(String(cString: strerror(code)))")
    }
    return pid
  }
}

/// A pipe that children do not inherit except as a standard stream.
struct Pipe {
  let readEnd: PipeEnd
  let writeEnd: PipeEnd

  init() throws {
    var descriptors: [Int32] = [0, 0]
    guard ctestsupport_pipe(&descriptors) == 0 else {
      throw TestFailure("pipe: \(String(cString: strerror(errno)))")
    }
    readEnd = PipeEnd(descriptors[0])
    writeEnd = PipeEnd(descriptors[1])
  }
}

/// One end of a pipe or FIFO, closed at the latest when nobody refers to it.
package final class PipeEnd: @unchecked Sendable {
  private(set) var number: Int32
  private var unread: [UInt8] = []

  init(_ number: Int32) {
    self.number = number
  }

  deinit {
    close()
  }

  var isOpen: Bool { number >= 0 }

  package func close() {
    guard isOpen else { return }
    _ = Glibc.close(number)
    number = -1
  }

  /// Waits until one of the pipes has something to read or has ended.
  static func awaitAny(_ ends: [PipeEnd], until deadline: Deadline) {
    var polled = ends.filter(\.isOpen).map {
      pollfd(fd: $0.number, events: Int16(POLLIN), revents: 0)
    }
    _ = poll(&polled, nfds_t(polled.count), deadline.pollMilliseconds)
  }

  /// Adds what can be read without waiting; closes this end where the other one is closed.
  func readAvailable(into bytes: inout [UInt8]) {
    var chunk = [UInt8](repeating: 0, count: 65536)
    while isOpen {
      var polled = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
      guard poll(&polled, 1, 0) == 1 else { return }
      let count = read(number, &chunk, chunk.count)
      if count > 0 {
        bytes += chunk[..<count]
      } else if count == 0 || errno != EINTR {
        close()
      }
    }
  }

  /// The next line without its end; nil where there is none within the time or none to come.
  package func line(within limit: Duration) -> String? {
    let deadline = Deadline(after: limit)
    while true {
      if let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
        defer { unread.removeSubrange(...end) }
        return String(decoding: unread[..<end], as: UTF8.self)
      }
      guard isOpen, !deadline.hasPassed else { return nil }
      Self.awaitAny([self], until: deadline)
      readAvailable(into: &unread)
    }
  }

  package func write(_ text: String) throws {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(number, $0.baseAddress, $0.count) }
      guard count > 0 else { throw TestFailure("write: \(String(cString: strerror(errno)))") }
      bytes = bytes.dropFirst(count)
    }
  }
}
