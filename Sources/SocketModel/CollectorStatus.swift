/// The parts of a sample that succeed or fail on their own.
package enum Collector: Int, CaseIterable, Sendable {
  case sockstat, tcp, process, listener, port, zombie, limit

  /// The name in flags, in `collect[]` and in the `collector` label.
  package var name: StaticString {
    switch self {
    case .sockstat: "sockstat"
    case .tcp: "tcp"
    case .process: "process"
    case .listener: "listener"
    case .port: "port"
    case .zombie: "zombie"
    case .limit: "limit"
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
  /// Wall time of the last attempt.
  package var duration = Duration.zero
  /// CPU time of all attempts.
  package var cpuTime = Duration.zero
  /// Attempts that failed.
  package var errors: UInt64 = 0
  /// When it last succeeded; nil before the first success.
  package var lastSuccess: SampleTime?
  /// Time from one attempt to the next: as asked for, or longer where its samples cost more CPU
  /// time than the budget allows.
  package var interval: Duration

  package init(collector: Collector, interval: Duration) {
    self.collector = collector
    self.interval = interval
  }
}
