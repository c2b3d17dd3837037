/// The parts of a sample that succeed or fail on their own.
package enum Collector: Int, CaseIterable, Sendable {
  case sockstat, tcp, process, zombie

  /// The name in flags, in `collect[]` and in the `collector` label.
  package var name: StaticString {
    switch self {
    case .sockstat: "sockstat"
    case .tcp: "tcp"
    case .process: "process"
    case .zombie: "zombie"
    }
  }
}

/// When a sample was taken, by both clocks: one to show, one to measure ages with.
package struct SampleTime: Sendable, Equatable {
  /// Seconds since the epoch.
  package var timestampSeconds: Double
  /// The same moment by a clock that nobody sets.
  package var instant: ContinuousClock.Instant

  package init(timestampSeconds: Double, instant: ContinuousClock.Instant) {
    self.timestampSeconds = timestampSeconds
    self.instant = instant
  }
}

/// How a collector is doing.
package struct CollectorStatus: Sendable, Equatable {
  package var collector: Collector
  /// Whether the last attempt succeeded.
  package var succeeded = false
  /// Wall time of the last attempt, seconds.
  package var durationSeconds: Double = 0
  /// CPU time of all attempts, seconds.
  package var cpuSeconds: Double = 0
  /// Attempts that failed.
  package var errors: UInt64 = 0
  /// When it last succeeded; nil before the first success.
  package var lastSuccess: SampleTime?
  /// Time from one attempt to the next, seconds.
  package var intervalSeconds: Double

  /// Whether what the collector last read is too old to be shown: a success within five intervals is
  /// not.
  package func isStale(at now: ContinuousClock.Instant) -> Bool {
    guard let lastSuccess else { return true }
    return now - lastSuccess.instant > .seconds(intervalSeconds * 5)
  }

  package init(collector: Collector, intervalSeconds: Double) {
    self.collector = collector
    self.intervalSeconds = intervalSeconds
  }
}
