internal import HTTPServer
internal import Metrics
internal import Sampling
internal import ServiceLifecycle
internal import SocketModel
internal import Synchronization

/// Takes samples until the program stops.
struct SamplingService: Service {
  let sampler: Sampler
  let cache: SnapshotCache<Pages>
  /// Who is told of every sample, and of the end; nil where nobody is.
  let manager: ServiceManager?
  /// Called once, with the first snapshot.
  let started: @Sendable (Snapshot) -> Void

  /// The sampler is told to end, but not waited for: a read in the kernel takes as long as it likes,
  /// and a stop must not.
  func run() async throws {
    let sampling = Task {
      await sampler.run(started: started) {
        await cache.publish($0)
        manager?.tellSampled()
      }
    }
    try? await gracefulShutdown()
    manager?.tellStopping()
    sampling.cancel()
  }
}

/// Takes stale numbers out of the pages, should the sampler hang.
struct WatchService: Service {
  let cache: SnapshotCache<Pages>
  let interval: Duration

  func run() async throws {
    await cancelWhenGracefulShutdown {
      await cache.watch(every: interval)
    }
  }
}

/// Serves until the program stops. The server is already running, for its errors are the user's.
struct WebService: Service {
  let server: HTTPServer

  func run() async throws {
    try? await gracefulShutdown()
    server.stop()
  }
}

/// The server's counts for the pages. The pages are rendered by what the server is made of, so the
/// server comes later.
final class HTTPCountsSource: Sendable {
  private let server = Mutex<HTTPServer?>(nil)

  func observe(_ server: HTTPServer) {
    self.server.withLock { $0 = server }
  }

  var current: HTTPCounts? {
    server.withLock { $0 }.map { HTTPCounts($0.statistics) }
  }
}
