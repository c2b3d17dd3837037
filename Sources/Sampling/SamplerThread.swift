internal import CLinuxIO
internal import Glibc
internal import LinuxIO
internal import Synchronization

/// A thread that runs one actor and nothing else. Reads of /proc and netlink block, and on Swift's
/// own pool, which has no more threads than the machine has cores, they would stop every `await` in
/// the process.
final class SamplerThread: SerialExecutor {
  private let state = State()

  /// What the thread and its owner share; the thread ends when the owner goes.
  @safe private final class State: @unchecked Sendable {
    let jobs = Mutex<(queue: [UnownedJob], hasEnded: Bool)>(([], false))
    let pending: UnsafeMutablePointer<sem_t>

    init() {
      unsafe pending = .allocate(capacity: 1)
      unsafe sem_init(pending, 0, 0)
    }

    deinit {
      unsafe sem_destroy(pending)
      unsafe pending.deallocate()
    }

    func wake() { unsafe sem_post(pending) }
    func wait() { _ = retryingInterrupts { unsafe sem_wait(pending) } }
  }

  /// - Parameter name: what `ps -L` and `top -H` call the thread; at most 15 bytes.
  init(name: String) {
    let start = Start(state: state, executor: Weak(self), name: name)
    var thread = pthread_t()
    let argument = unsafe Unmanaged.passRetained(start).toOpaque()
    let code = unsafe pthread_create(
      &thread, nil,
      { argument in
        guard let argument = unsafe argument else { return nil }
        unsafe Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().run()
        return nil
      }, argument)
    // Without threads there is no exporter, and nobody to tell yet.
    precondition(code == 0, "pthread_create failed: \(code)")
    _ = pthread_detach(thread)
  }

  deinit {
    state.jobs.withLock { $0.hasEnded = true }
    state.wake()
  }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    state.jobs.withLock { $0.queue.append(job) }
    state.wake()
  }

  private struct Weak: @unchecked Sendable {
    weak var executor: SamplerThread?
    init(_ executor: SamplerThread) { self.executor = executor }
  }

  private final class Start {
    let state: State
    let executor: Weak
    let name: String

    init(state: State, executor: Weak, name: String) {
      self.state = state
      self.executor = executor
      self.name = name
    }

    func run() {
      unsafe linux_io_set_thread_name(name)
      while true {
        state.wait()
        let (job, hasEnded) = state.jobs.withLock {
          ($0.queue.isEmpty ? nil : $0.queue.removeFirst(), $0.hasEnded)
        }
        if let job, let executor = executor.executor {
          unsafe job.runSynchronously(on: executor.asUnownedSerialExecutor())
        } else if hasEnded {
          return
        }
      }
    }
  }
}
