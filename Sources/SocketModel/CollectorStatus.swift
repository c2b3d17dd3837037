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
  /// When it last succeeded, seconds since the epoch; nil before the first success.
  package var lastSuccessTimestampSeconds: Double?
  /// Time from one attempt to the next, seconds.
  package var intervalSeconds: Double

  package init(collector: Collector, intervalSeconds: Double) {
    self.collector = collector
    self.intervalSeconds = intervalSeconds
  }
}
