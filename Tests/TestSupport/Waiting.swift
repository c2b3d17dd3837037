internal import Glibc

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
  _ expectation: String, within limit: Duration = .seconds(10), _ probe: () throws -> Answer?
) throws -> Answer {
  let deadline = Deadline(after: limit)
  while true {
    if let answer = try probe() { return answer }
    if deadline.hasPassed { throw TestFailure("not within \(limit): \(expectation)") }
    usleep(2000)
  }
}
