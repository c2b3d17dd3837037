internal import Foundation
internal import Glibc

/// A process that holds exactly the sockets and children a test tells it to.
package final class SocketActor: @unchecked Sendable {
  /// What the process does with SIGCHLD (see `bearChildren`).
  package enum ChildSignal: String, Sendable {
    /// Nothing.
    case byDefault = "default"
    /// Ignores it, so that the kernel reaps.
    case ignored = "ignore"
    /// Calls wait() once a signal, which is the mistake.
    case waitsOnce = "once"
    /// Calls waitpid(WNOHANG) until no child is left.
    case waitsForAll = "loop"
  }

  /// Nil for an actor that another one forked: it is no child of the test.
  private let process: ChildProcess?
  private let input: PipeEnd
  private let output: PipeEnd
  private let files: TemporaryDirectory
  private var forks = 0

  init(_ process: ChildProcess, files: TemporaryDirectory) {
    self.process = process
    input = process.input
    output = process.output
    self.files = files
  }

  private init(input: PipeEnd, output: PipeEnd, files: TemporaryDirectory) {
    process = nil
    self.input = input
    self.output = output
    self.files = files
  }

  /// Gives a command and returns the words of its answer.
  @discardableResult
  package func send(_ command: String, within limit: Duration = .patience) throws -> [String] {
    try input.write(command + "\n")
    guard let line = output.line(within: limit) else {
      throw TestFailure("no answer to: \(command)")
    }
    let words = line.split(separator: " ").map(String.init)
    guard words.first == "ok" else { throw TestFailure("\(command): \(line)") }
    return Array(words.dropFirst())
  }

  func numbers(_ command: String, count: Int) throws -> [Int] {
    let numbers = try send(command).compactMap { Int($0) }
    guard numbers.count == count else { throw TestFailure("not \(count) numbers for: \(command)") }
    return numbers
  }

  func number(_ command: String) throws -> Int {
    try numbers(command, count: 1)[0]
  }

  /// Gives a command that ends with an error; returns how often it succeeded, and the error's name.
  func exhaust(_ command: String) throws -> (made: Int, error: String) {
    let words = try send(command)
    guard words.count == 2, let made = Int(words[0]) else {
      throw TestFailure("no count and error for: \(command)")
    }
    return (made, words[1])
  }

  func range(_ command: String) throws -> ClosedRange<Int> {
    let ends = try numbers(command, count: 2)
    return ends[0]...ends[1]
  }

  package func name(_ name: String) throws {
    try self.name(bytes: Array(name.utf8))
  }

  /// Names the process with bytes that need not be text, at most 15.
  package func name(bytes: [UInt8]) throws {
    try send("name \(bytes.isEmpty ? "-" : hexadecimal(bytes))")
  }

  /// The process id, as the host the actor runs on has it.
  package func pid() throws -> Int {
    try number("pid")
  }

  /// Gives up every privilege and becomes the user and the group with this number.
  package func become(user: Int) throws {
    try send("user \(user)")
  }

  /// Hides the process's descriptors even from its own user, as a program with secrets does.
  package func hideDescriptors() throws {
    try send("dumpable 0")
  }

  /// Lets that many children exit together; returns how many of them the process has reaped.
  @discardableResult
  package func bearChildren(_ count: Int, _ disposition: ChildSignal) throws -> Int {
    try number("children \(count) \(disposition.rawValue)")
  }

  /// Waits for every child that has ended; returns how many.
  @discardableResult
  package func reap() throws -> Int {
    try number("reap")
  }

  /// Ends the main thread; three other threads hold the descriptors and go on.
  package func leaveMainThread() throws {
    try send("leave-main-thread")
  }

  /// Makes a process that has the same table of descriptors and ends with this one.
  package func shareTable(withProcessNamed name: String) throws {
    _ = try number("share-table \(hexadecimal(Array(name.utf8)))")
  }

  /// Makes a thread that has a table of descriptors of its own, with this many raw sockets in it.
  package func makeThread(withOwnSockets count: Int) throws {
    try send("own-table \(count)")
  }

  /// Starts and ends processes as fast as the host can, until `stopChurning`.
  package func startChurning() throws {
    try send("churn-start")
  }

  /// How many processes have come and gone.
  package func churned() throws -> Int {
    try number("churned")
  }

  package func stopChurning() throws {
    try send("churn-stop")
  }

  /// Forks an actor that shares every descriptor of this one and outlives it.
  package func fork() throws -> SocketActor {
    forks += 1
    let name = try "\(pid())-\(forks)"
    let commands = try files.makeFIFO(name + "-commands")
    let answers = try files.makeFIFO(name + "-answers")
    let output = try PipeEnd(opening: answers.path, O_RDONLY | O_NONBLOCK)
    try send("fork \(commands.path) \(answers.path)")
    let child = SocketActor(input: try commands.openForWriting(), output: output, files: files)
    // Its first answer says that it is there and has let go of this one's pipes.
    _ = try child.pid()
    return child
  }

  /// Ends the process in good order; the kernel closes what it holds.
  package func exit() throws {
    try exitUnreaped()
    _ = try process?.wait()
  }

  /// Ends the process without reaping it. Its parent, the test, is out of sight of the host.
  package func exitUnreaped() throws {
    try input.write("exit\n")
  }

  /// Ends the process with SIGKILL.
  package func kill() {
    process?.end()
  }
}

func hexadecimal(_ bytes: [UInt8]) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
