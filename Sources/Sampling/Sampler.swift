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
    package var collectors: Set<Collector>
    /// The mount point of the proc filesystem to read.
    package var procfsPath: String
    /// Groups that keep their name.
    package var maxGroups: Int
    /// Processes named one by one; 0 for none.
    package var top: Int

    package init(
      interval: Duration = .seconds(5), collectors: Set<Collector> = Set(Collector.allCases),
      procfsPath: String = "/proc", maxGroups: Int = 200, top: Int = 20
    ) {
      self.interval = interval
      self.collectors = collectors
      self.procfsPath = procfsPath
      self.maxGroups = maxGroups
      self.top = top
    }
  }

  /// Something an operator should know. Each is told once, when it begins or ends.
  package enum Event: Sendable {
    case collectorFailed(Collector, any Error)
    case collectorRecovered(Collector)
    /// The source of TCP sockets changed; `reason` tells why sock_diag is not used.
    case backendChanged(Backend, reason: (any Error)?)
  }

  private nonisolated let thread = SamplerThread(name: "sampler")
  private let configuration: Configuration
  private let report: @Sendable (Event) -> Void

  private let sources: HostSources
  private var selfProcess: SelfProcess?
  /// What was read last, failures and all.
  private var snapshot: Snapshot
  /// Collectors whose failure was reported.
  private var failing: Set<Collector> = []

  package nonisolated var unownedExecutor: UnownedSerialExecutor {
    unsafe thread.asUnownedSerialExecutor()
  }

  /// - Parameter report: called from the sampler's thread; must not block.
  /// - Throws: `SystemError` where the proc filesystem cannot be opened.
  package init(
    _ configuration: Configuration, report: @escaping @Sendable (Event) -> Void
  ) throws {
    self.configuration = configuration
    self.report = report
    sources = try HostSources(procfsPath: configuration.procfsPath)
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
    let schedule = IntervalSchedule(beginning: clock.now, interval: configuration.interval)
    var isFirst = true
    while !Task.isCancelled {
      let snapshot = sample()
      await publish(snapshot)
      if isFirst { started(snapshot) }
      isFirst = false
      try? await clock.sleep(until: schedule.next(after: clock.now), tolerance: .zero)
    }
  }

  /// Takes one sample, now.
  package func sample() -> Snapshot {
    let begun = ContinuousClock.now
    // Zombies are met on the same walk as the descriptors, where both are wanted.
    var walk: ProcessWalk?
    for index in snapshot.collectors.indices {
      attempt(index) {
        switch snapshot.collectors[index].collector {
        case .sockstat:
          snapshot.sockstat = [InNamespace(namespace: nil, value: try sources.sockstat())]
        case .tcp:
          var tcp = TCPSockets()
          tcp.counts = try countTCPSockets()
          snapshot.tcp = [InNamespace(namespace: nil, value: tcp)]
        case .listener, .port, .limit: break
        case .process:
          let found = try sources.walk(readsDescriptors: true)
          walk = found
          snapshot.process = ProcessSockets(
            found, maxGroups: configuration.maxGroups, top: configuration.top)
        case .zombie:
          snapshot.zombie = try sources.zombies(
            in: walk ?? sources.walk(readsDescriptors: false), maxGroups: configuration.maxGroups)
        }
      }
    }
    snapshot.exporter = try? selfProcess?.read()
    snapshot.sampleDuration = ContinuousClock.now - begun
    var fresh = snapshot
    fresh.dropStale(at: .now)
    return fresh
  }

  /// Runs one collector and keeps account of it.
  private func attempt(_ index: Int, _ body: () throws -> Void) {
    let collector = snapshot.collectors[index].collector
    let begun = ContinuousClock.now
    let cpuBegun = SystemClock.threadCPUTime
    do {
      try body()
      snapshot.collectors[index].succeeded = true
      snapshot.collectors[index].lastSuccess = SampleTime(
        timestampSeconds: SystemClock.sinceEpoch / .seconds(1), instant: .now)
      if failing.remove(collector) != nil { report(.collectorRecovered(collector)) }
    } catch {
      snapshot.collectors[index].succeeded = false
      snapshot.collectors[index].errors += 1
      if failing.insert(collector).inserted { report(.collectorFailed(collector, error)) }
    }
    snapshot.collectors[index].duration = ContinuousClock.now - begun
    snapshot.collectors[index].cpuTime += SystemClock.threadCPUTime - cpuBegun
  }

  /// Counts TCP sockets, and tells when the way of counting changes.
  private func countTCPSockets() throws -> TCPSocketCounts {
    let answer = try sources.tcpSockets()
    let before = snapshot.backend
    snapshot.backend = answer.backend
    // That sock_diag works from the start is not worth a word.
    if answer.backend != before ?? .procfsAndSockDiag {
      report(.backendChanged(answer.backend, reason: answer.refusal))
    }
    return answer.counts
  }
}
