internal import Foundation

/// Threads for tests that wait for processes.
///
/// Blocked tests must not occupy the threads that every other test's `await` needs. There are few of
/// them, so that many live tests do not slow each other down until their deadlines pass.
private final class BlockingExecutor: TaskExecutor, @unchecked Sendable {
  static let shared = BlockingExecutor(threads: 3)

  private let condition = NSCondition()
  private var jobs: [UnownedJob] = []

  init(threads: Int) {
    for _ in 0..<threads {
      let thread = Thread { [self] in work() }
      thread.name = "blocking-test"
      thread.start()
    }
  }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    condition.lock()
    jobs.append(job)
    condition.signal()
    condition.unlock()
  }

  private func work() {
    while true {
      condition.lock()
      while jobs.isEmpty { condition.wait() }
      let job = jobs.removeFirst()
      condition.unlock()
      unsafe job.runSynchronously(on: asUnownedTaskExecutor())
    }
  }
}

/// Runs a test body that blocks. It stays part of the calling test.
package func onBlockingThread<Value: Sendable>(
  _ body: @Sendable () throws -> Value
) async throws -> Value {
  try await withTaskExecutorPreference(BlockingExecutor.shared) {
    try await runHere(body)
  }
}

/// An asynchronous function of its own, because that is what moves to the preferred executor.
private func runHere<Value: Sendable>(
  _ body: @Sendable () throws -> Value
) async throws -> Value {
  try body()
}
