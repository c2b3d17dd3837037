internal import Dispatch
internal import Foundation

/// A thread that starts processes, each job in turn.
///
/// A child is told when the *thread* that started it ends, not the process: were an actor started
/// from a pool, it would die when the pool shrinks. And namespaces entered with unshare(2) belong to
/// a thread.
final class SpawningThread: @unchecked Sendable {
  /// Lives as long as the test process.
  static let ordinary = SpawningThread()

  private let condition = NSCondition()
  private var jobs: [() -> Void] = []
  private var hasEnded = false

  init() {
    let thread = Thread { [self] in work() }
    thread.name = "spawning"
    thread.start()
  }

  /// Runs a job and waits for it.
  func run<Value>(_ body: @escaping () throws -> Value) throws -> Value {
    var result: Result<Value, any Error>?
    let done = DispatchSemaphore(value: 0)
    add {
      result = Result { try body() }
      done.signal()
    }
    done.wait()
    guard let result else { throw TestFailure("the thread ended before its job") }
    return try result.get()
  }

  /// Lets the thread end after the jobs it has.
  func end() {
    condition.lock()
    hasEnded = true
    condition.signal()
    condition.unlock()
  }

  private func add(_ job: @escaping () -> Void) {
    condition.lock()
    jobs.append(job)
    condition.signal()
    condition.unlock()
  }

  private func work() {
    while true {
      condition.lock()
      while jobs.isEmpty && !hasEnded { condition.wait() }
      guard !jobs.isEmpty else { return condition.unlock() }
      let job = jobs.removeFirst()
      condition.unlock()
      job()
    }
  }
}
