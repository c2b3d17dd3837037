internal import CTestSupport
internal import Foundation
internal import Glibc

/// A host of a test's own: a network, a mount and a process namespace that begin empty but for the
/// loopback interface and a process 1 which reaps.
///
/// Nothing on the real host can disturb its numbers, and nothing of it is left behind: the namespaces
/// have no name, and the kernel ends every process in them with process 1, which ends with the test.
package final class TestHost: @unchecked Sendable {
  /// A directory for files of the test.
  package var directory: String { files.path }
  private let files: TemporaryDirectory
  private let thread = SpawningThread()
  private let firstProcess: ChildProcess
  private var children: [ChildProcess] = []

  /// Whether this machine lets the tests make a host: it takes root, and a kernel or container that
  /// permits namespaces.
  package static let isAvailable: Bool = {
    guard let host = try? TestHost() else { return false }
    host.end()
    return true
  }()

  /// Runs a test body with a host of its own, which ends with the body, also where that throws.
  package static func run<Value: Sendable>(
    _ body: @Sendable (TestHost) throws -> Value
  ) async throws -> Value {
    try await onBlockingThread {
      let host = try TestHost()
      defer { host.end() }
      return try body(host)
    }
  }

  private init() throws {
    files = try TemporaryDirectory()
    let thread = thread
    do {
      try thread.run {
        guard ctestsupport_leave_host() == 0 else {
          throw TestFailure("unshare: \(String(cString: strerror(errno)))")
        }
      }
      firstProcess = try ChildProcess([BuiltProducts.path("socket-actor"), "init"], on: thread)
    } catch {
      thread.end()
      throw error
    }
    guard firstProcess.output.line(within: .patience) == "ok 1" else {
      end()
      throw TestFailure("the test host did not start")
    }
  }

  private func end() {
    // Process 1 last: the kernel keeps it until the others, which are our children, are reaped.
    for child in children { child.end() }
    firstProcess.end()
    thread.end()
  }

  /// Starts a program on this host.
  package func start(_ arguments: [String]) throws -> ChildProcess {
    let child = try ChildProcess(arguments, on: thread)
    children.append(child)
    return child
  }

  /// Runs a program on this host to its end.
  package func run(
    _ arguments: [String], within limit: Duration = .patience
  ) throws -> ChildProcess.Outcome {
    try start(arguments).outcome(within: limit)
  }

  /// Starts an actor on this host.
  ///
  /// - Parameter wrapper: a command to run it by, for example one that enters another namespace.
  /// - Parameter program: a copy of the actor's program.
  package func actor(
    named name: String, wrapper: [String] = [],
    program: String = BuiltProducts.path("socket-actor")
  ) throws -> SocketActor {
    let actor = SocketActor(try start(wrapper + [program]), files: files)
    try actor.name(name)
    return actor
  }

  /// Runs a shell script on this host to its end, and fails unless it succeeds.
  @discardableResult
  package func shell(_ script: String, _ arguments: String...) throws -> String {
    let outcome = try run(["sh", "-euc", script, "sh"] + arguments)
    guard outcome.exit == .code(0) else {
      throw TestFailure("\(script): \(outcome.exit): \(outcome.errors)")
    }
    return outcome.text
  }

  /// Lets the kernel give this number to the next process of the host; false where the kernel does not
  /// take orders (it lacks CONFIG_CHECKPOINT_RESTORE).
  package func nextProcessID(is pid: Int) throws -> Bool {
    // Of this process namespace only, unlike most of what stands in that directory.
    try run(["sh", "-c", "echo \(pid - 1) > /proc/sys/kernel/ns_last_pid"]).exit == .code(0)
  }

  /// Sets a kernel parameter of the host's network namespace, such as `net.ipv4.tcp_fin_timeout`.
  package func set(_ parameter: String, to value: String) throws {
    let path = "/proc/sys/" + parameter.replacing(".", with: "/")
    guard parameter.hasPrefix("net.") else {
      throw TestFailure("\(parameter) would change the real host")
    }
    try thread.run {
      guard let file = fopen(path, "w") else {
        throw TestFailure("\(path): \(String(cString: strerror(errno)))")
      }
      fputs(value, file)
      guard fclose(file) == 0 else {
        throw TestFailure("\(path): \(String(cString: strerror(errno)))")
      }
    }
  }
}
