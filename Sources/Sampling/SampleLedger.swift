internal import LinuxIO
internal import SocketModel

/// What the collectors of one sample cost, and which of them failed.
final class SampleLedger {
  struct Entry {
    var duration = Duration.zero
    var cpuTime = Duration.zero
    /// The first thing that went wrong; nil where all went well.
    var error: (any Error)?
  }

  /// Of the collectors that were due.
  private(set) var entries: [Collector: Entry] = [:]

  /// Opens an account for each collector that is due, so that it counts as run.
  func open(_ collectors: Set<Collector>) {
    for collector in collectors { entries[collector] = Entry() }
  }

  /// Does a part of the work.
  /// - Parameters:
  ///   - collectors: whose work it is: the first of them that is due pays, and all that are due have
  ///     failed if it fails.
  ///   - failed: where the failure is to be dealt with otherwise, takes it instead.
  /// - Returns: what `body` returned, or nil where it failed.
  @discardableResult
  func run<Value>(
    for collectors: [Collector], failed: ((any Error) -> Void)? = nil, body: () throws -> Value
  ) -> Value? {
    let begun = ContinuousClock.now
    let cpuBegun = SystemClock.threadCPUTime
    defer {
      if let payer = collectors.first(where: { entries[$0] != nil }) {
        entries[payer]?.duration += ContinuousClock.now - begun
        entries[payer]?.cpuTime += SystemClock.threadCPUTime - cpuBegun
      }
    }
    do {
      return try body()
    } catch {
      if let failed {
        failed(error)
      } else {
        for collector in collectors { fail(collector, error) }
      }
      return nil
    }
  }

  /// Notes a failure of a collector; the first one stays.
  private func fail(_ collector: Collector, _ error: any Error) {
    if entries[collector]?.error == nil { entries[collector]?.error = error }
  }

  /// Whether a collector is due and nothing of it has failed yet.
  func isGood(_ collector: Collector) -> Bool {
    entries[collector].map { $0.error == nil } ?? false
  }
}
