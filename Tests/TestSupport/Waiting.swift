internal import Glibc

extension Duration {
  /// How long a test waits for what has to happen. It is there for what hangs: a machine that has much
  /// else to do is late, and that says nothing of the exporter.
  package static let patience = Duration.seconds(120)
}

/// The time something takes where nothing else keeps the machine: the shortest of five at most, of which
/// the first below the limit is enough.
package func shortestTime(
  below limit: Duration, _ measured: () throws -> Duration
) rethrows -> Duration {
  var shortest = try measured()
  for _ in 1..<5 where shortest >= limit { shortest = try min(shortest, measured()) }
  return shortest
}

/// A moment after which a test gives up.
package struct Deadline: Sendable {
  private let moment: ContinuousClock.Instant

  package init(after duration: Duration) {
    moment = ContinuousClock.now.advanced(by: duration)
  }

  package var hasPassed: Bool { ContinuousClock.now >= moment }

  /// The time left as poll(2) wants it, rounded up so that a wait never ends early and spins.
  var pollMilliseconds: Int32 {
    let left = ContinuousClock.now.duration(to: moment)
    guard left > .zero else { return 0 }
    return Int32(clamping: Int64((left / .milliseconds(1)).rounded(.up)))
  }
}

/// Asks again and again until there is an answer, at most for the given time.
@discardableResult
package func eventually<Answer>(
  _ expectation: String, within limit: Duration = .patience, _ probe: () throws -> Answer?
) throws -> Answer {
  let deadline = Deadline(after: limit)
  while true {
    if let answer = try probe() { return answer }
    if deadline.hasPassed { throw TestFailure("not within \(limit): \(expectation)") }
    usleep(2000)
  }
}
