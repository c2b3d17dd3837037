internal import LinuxIO
internal import ProcFS
package import SocketModel

/// Takes samples of the host, on a thread of its own.
///
/// Each collector fails alone: what it last read stays until it is five intervals old.
package actor Sampler {
  package struct Configuration: Sendable {
    /// Time from one sample to the next.
    package var interval: Duration
    /// The part of one core that all samples together may take; a collector whose samples cost more
    /// runs less often. Nil for no bound.
    package var cpuBudget: Double?
    package var collectors: Set<Collector>
    /// The mount point of the proc filesystem to read.
    package var procfsPath: String
    package var backend: BackendChoice
    package var namespaces: NamespaceScope
    package var groupingKey: GroupingKey
    /// Groups that keep their name.
    package var maxGroups: Int
    /// Processes named one by one; 0 for none.
    package var top: Int
    /// Ages that CLOSE_WAIT sockets are counted from, seconds, ascending.
    package var closeWaitThresholds: [UInt64]

    package init(
      interval: Duration = .seconds(5), cpuBudget: Double? = nil,
      collectors: Set<Collector> = Set(Collector.allCases), procfsPath: String = "/proc",
      backend: BackendChoice = .auto, namespaces: NamespaceScope = .own,
      groupingKey: GroupingKey = .comm, maxGroups: Int = 200,
      top: Int = 20, closeWaitThresholds: [UInt64] = [10, 60, 300, 3600]
    ) {
      self.interval = interval
      self.cpuBudget = cpuBudget
      self.collectors = collectors
      self.procfsPath = procfsPath
      self.backend = backend
      self.namespaces = namespaces
      self.groupingKey = groupingKey
      self.maxGroups = maxGroups
      self.top = top
      self.closeWaitThresholds = closeWaitThresholds
    }
  }

  /// Something an operator should know. Each is told once, when it begins or ends.
  package enum Event: Sendable {
    case collectorFailed(Collector, any Error)
    case collectorRecovered(Collector)
    /// The source of TCP sockets changed; `reason` tells why sock_diag is not used.
    case tableSourceChanged(TableSource, reason: (any Error)?)
    /// The kernel's iterator over descriptors is not to be had, so /proc is read.
    case iteratorUnavailable(any Error)
    /// The kernel's iterator over descriptors failed, and /proc is read from now on.
    case iteratorFailed(any Error)
    /// Another network namespace cannot be read, or not all of it.
    case namespaceFailed(String, any Error)
    /// No other network namespace can be entered.
    case namespacesRefused(any Error)
    /// The network namespaces of this many processes cannot be read, so they count as being in the
    /// exporter's own.
    case namespacesHidden(processes: UInt64)
    /// A collector runs less often than asked for, because of what its samples cost; told once until it
    /// keeps up.
    case collectorSlowed(Collector, interval: Duration)
    /// It has run as often as asked for, for a while.
    case collectorKeepsUp(Collector)
  }

  private nonisolated let thread = SamplerThread(name: "sampler")
  private let configuration: Configuration
  private let report: @Sendable (Event) -> Void

  private let host: HostSampling
  private var schedule: CollectorSchedule
  private var selfProcess: SelfProcess?
  /// What was read last, failures and all.
  private var snapshot: Snapshot
  /// Collectors whose failure was reported.
  private var failing: Set<Collector> = []
  /// Of the collectors whose cost grows with the sockets, each with those it becomes due with.
  private var watches = [SocketWatch([.process]), SocketWatch(CollectorSchedule.tcp)]
  private var slowdowns = Slowdowns()

  package nonisolated var unownedExecutor: UnownedSerialExecutor {
    unsafe thread.asUnownedSerialExecutor()
  }

  /// - Parameter report: called from the sampler's thread; must not block.
  /// - Throws: `SystemError` where the proc filesystem cannot be opened; `NoProcesses` where it is none;
  ///   `BackendUnavailable` where the backend that was asked for cannot be had.
  package init(
    _ configuration: Configuration, report: @escaping @Sendable (Event) -> Void
  ) throws {
    Memory.returnsLargeBlocks()
    self.configuration = configuration
    self.report = report
    host = try HostSampling(configuration, report: report)
    schedule = CollectorSchedule(
      interval: configuration.interval, budget: configuration.cpuBudget,
      collectors: configuration.collectors)
    selfProcess = try? SelfProcess()
    snapshot = Snapshot()
    snapshot.collectors = Collector.allCases.filter(configuration.collectors.contains).map {
      CollectorStatus(collector: $0, interval: configuration.interval)
    }
  }

  /// Takes samples and publishes them, until the task is cancelled.
  /// - Parameter started: called once, with the first snapshot, when it is published.
  package func run(
    started: @Sendable (Snapshot) -> Void, publishing publish: @Sendable (Snapshot) async -> Void
  ) async {
    let clock = ContinuousClock()
    let ticks = IntervalSchedule(beginning: clock.now, interval: configuration.interval)
    var isFirst = true
    while !Task.isCancelled {
      let snapshot = sample()
      await publish(snapshot)
      if isFirst { started(snapshot) }
      isFirst = false
      try? await clock.sleep(until: ticks.next(after: clock.now), tolerance: .zero)
    }
  }

  /// Takes a sample of what is due; of everything the first time.
  /// - Parameter tick: what time it is.
  package func sample(at tick: ContinuousClock.Instant = .now) -> Snapshot {
    let begun = ContinuousClock.now
    let ledger = SampleLedger()
    let due = schedule.due(at: tick)
    host.sample(due, into: &snapshot, ledger)
    schedule.processNeedsTables = host.processNeedsTables
    schedule.settle(ledger.entries.mapValues(\.cpuTime), begun: tick)
    watchSockets(due)
    for index in snapshot.collectors.indices {
      account(ledger.entries[snapshot.collectors[index].collector], to: &snapshot.collectors[index])
    }
    snapshot.exporter = try? selfProcess?.read()
    snapshot.sampleDuration = ContinuousClock.now - begun
    var fresh = snapshot
    fresh.dropStale(at: .now)
    return fresh
  }

  /// How many sockets there were when something was read whose cost grows with them.
  private struct SocketWatch {
    let collectors: [Collector]
    /// Sockets of all kinds then; nil before the first time.
    var then: UInt64?
    /// For how many ticks there have been less than half of them.
    var ticksOfFewer = 0

    init(_ collectors: [Collector]) { self.collectors = collectors }

    /// - Returns: how many have gone, where they have been fewer for a while.
    mutating func see(_ sockets: UInt64, hasRun: Bool) -> UInt64? {
      if hasRun { then = sockets }
      guard let then, sockets < then / 2 else {
        ticksOfFewer = 0
        return nil
      }
      ticksOfFewer += 1
      return ticksOfFewer >= 3 ? then - sockets : nil
    }
  }

  /// After an incident what costs by the socket must not wait for as long as the last time, when there
  /// were many, was worth. How many there are is known at every tick, from sockstat. They must stay
  /// fewer for a while, or a host that has many every other moment would be read too often.
  private func watchSockets(_ due: Set<Collector>) {
    guard let sockets = snapshot.sockstat?.own()?.socketsUsed else { return }
    // The files of other kinds, and the sockets of other namespaces, have not become fewer by that.
    let descriptors = snapshot.process?.groups.reduce(0) { $0 + $1.openDescriptors } ?? 0
    for index in watches.indices {
      let collectors = watches[index].collectors
      let gone = watches[index].see(sockets, hasRun: !due.isDisjoint(with: collectors))
      guard let gone, descriptors > 0 else { continue }
      let share = 1 - Double(gone) / Double(max(descriptors, gone + sockets))
      schedule.expectLowerCost(of: collectors, share: share)
    }
  }

  /// Brings a collector's status up to date, and tells what an operator should know.
  /// - Parameter entry: nil where the collector was not due.
  private func account(_ entry: SampleLedger.Entry?, to status: inout CollectorStatus) {
    let collector = status.collector
    status.interval = schedule.interval(of: collector)
    guard let entry else { return }
    status.duration = entry.duration
    status.cpuTime += entry.cpuTime
    status.succeeded = entry.error == nil
    if let error = entry.error {
      status.errors += 1
      if failing.insert(collector).inserted { report(.collectorFailed(collector, error)) }
    } else {
      status.lastSuccess = SampleTime(
        timestampSeconds: SystemClock.sinceEpoch / .seconds(1), instant: .now)
      if failing.remove(collector) != nil { report(.collectorRecovered(collector)) }
    }
    switch slowdowns.sampled(collector, isSlowed: status.interval > configuration.interval) {
    case .slowed: report(.collectorSlowed(collector, interval: status.interval))
    case .keepsUp: report(.collectorKeepsUp(collector))
    case nil: break
    }
  }
}
