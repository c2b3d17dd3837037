/// Where the TCP tables of the exporter's own network namespace come from.
package enum TableSource: Sendable {
  /// Netlink sock_diag.
  case sockDiag
  /// /proc/net, because the kernel refused or lacks sock_diag.
  case procfs
}

/// Where the numbers of a snapshot came from: what processes hold, and the TCP tables.
package enum Backend: Int, CaseIterable, Sendable {
  case bpfAndSockDiag
  case bpfAndProcFS
  case procfsAndSockDiag
  case procfs

  /// - Parameter usesIterator: what processes hold is told by the kernel's BPF iterator, not by /proc.
  package init(usesIterator: Bool, tables: TableSource) {
    switch (usesIterator, tables) {
    case (true, .sockDiag): self = .bpfAndSockDiag
    case (true, .procfs): self = .bpfAndProcFS
    case (false, .sockDiag): self = .procfsAndSockDiag
    case (false, .procfs): self = .procfs
    }
  }

  /// The value of the `backend` label.
  package var label: StaticString {
    switch self {
    case .bpfAndSockDiag: "bpf+sock_diag"
    case .bpfAndProcFS: "bpf+procfs"
    case .procfsAndSockDiag: "procfs+sock_diag"
    case .procfs: "procfs"
    }
  }
}

/// Everything the exporter knows of the host at one time. Produced in one place, rendered in several.
package struct Snapshot: Sendable, Equatable {
  /// Nil: the collector is off, has not succeeded yet, or its last success is too old to show.
  /// What belongs to a network namespace is told by namespace, the exporter's own first.
  package var sockstat: [InNamespace<Sockstat>]?
  package var tcp: [InNamespace<TCPSockets>]?
  package var process: ProcessSockets?
  package var listener: [InNamespace<Listeners>]?
  package var port: [InNamespace<EphemeralPorts>]?
  package var zombie: Zombies?
  package var limit: Limits?
  /// One status for each collector that is on, in the order of `Collector`.
  package var collectors: [CollectorStatus] = []
  /// Nil before TCP sockets were counted for the first time.
  package var backend: Backend?
  /// Nil where the exporter looks at no other namespace than its own.
  package var otherNamespaces: NamespaceTally?
  /// How long the last sample took, all collectors together.
  package var sampleDuration = Duration.zero
  /// Nil where the exporter could not read its own /proc entry.
  package var exporter: ExporterProcess?

  package init(backend: Backend? = nil) {
    self.backend = backend
  }

  /// The time of the latest success of any collector; nil before the first.
  package var sampled: SampleTime? {
    collectors.compactMap(\.lastSuccess).max { $0.instant < $1.instant }
  }

  /// How old the youngest of the numbers may be before the sampler is taken for stuck: as long as the
  /// collector that runs most often may take.
  package var staleAge: Duration { collectors.map(staleAge).min() ?? .zero }

  /// How old the numbers of a collector may be and still be shown: five of its intervals, or five times
  /// what a sample takes where that is longer. A single sample that hung does not stretch it beyond
  /// sixty intervals.
  private func staleAge(of status: CollectorStatus) -> Duration {
    max(status.interval, min(sampleDuration, status.interval * 12)) * 5
  }

  /// Takes out what is too old to be shown, and says that its collector does not succeed. Old numbers
  /// that stand still look like a quiet host.
  package mutating func dropStale(at now: ContinuousClock.Instant) {
    for index in collectors.indices {
      let lastSuccess = collectors[index].lastSuccess?.instant
      if let lastSuccess, now - lastSuccess <= staleAge(of: collectors[index]) { continue }
      collectors[index].succeeded = false
      switch collectors[index].collector {
      case .sockstat: sockstat = nil
      case .tcp: tcp = nil
      case .process: process = nil
      case .listener: listener = nil
      case .port: port = nil
      case .zombie: zombie = nil
      case .limit: limit = nil
      }
    }
    // Where all is stale the sampler hangs, and what it last said of its own process is as old.
    if let sampled, now - sampled.instant > staleAge { exporter = nil }
  }
}
