package import SocketModel
internal import Synchronization

/// Owns the current snapshot and publishes it in the form in which it is served.
///
/// The HTTP server's callback runs on a C thread and cannot await an actor, so what it serves lies
/// behind a lock that is held only to take or replace a reference: a scrape never waits for a sample.
package actor SnapshotCache<Rendered: Sendable> {
  package struct Published: Sendable {
    package let rendered: Rendered
    /// When the youngest of the numbers was read; nil where nothing could be read yet.
    package let sampled: SampleTime?
    /// How old they may become and still be shown.
    package let staleAge: Duration
  }

  private let render: @Sendable (Snapshot) -> Rendered
  private var snapshot: Snapshot?
  private nonisolated let latest = Mutex<Published?>(nil)

  /// - Parameter render: makes of a snapshot what is published; runs on the actor.
  package init(render: @escaping @Sendable (Snapshot) -> Rendered) {
    self.render = render
  }

  /// What was published last; nil before the first snapshot. Callable from any thread.
  package nonisolated var published: Published? { latest.withLock { $0 } }

  /// Replaces the snapshot and what was made of it.
  package func publish(_ snapshot: Snapshot) {
    self.snapshot = snapshot
    let published = Published(
      rendered: render(snapshot), sampled: snapshot.sampled, staleAge: snapshot.staleAge)
    latest.withLock { $0 = published }
  }

  /// Takes out what has become too old to be shown.
  package func dropStale(at now: ContinuousClock.Instant = .now) {
    guard var snapshot else { return }
    snapshot.dropStale(at: now)
    if snapshot != self.snapshot { publish(snapshot) }
  }

  /// Looks for stale numbers again and again, until the task is cancelled. Should the sampler hang in
  /// the kernel, nobody else would notice.
  package func watch(every interval: Duration) async {
    while !Task.isCancelled {
      try? await Task.sleep(for: interval)
      dropStale()
    }
  }
}
