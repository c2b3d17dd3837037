internal import LinuxIO
internal import ProcFS
internal import SockDiag
internal import SocketModel

/// What one network namespace says in one sample. What was not due or failed is nil.
struct NamespaceReading {
  /// Nil for the exporter's own.
  var name: String?
  /// Nil for the exporter's own, where that cannot be read.
  var inode: UInt64?
  var sockstat: Sockstat?
  var tables: TCPTables?
  var events: TCPEvents?
  var localPorts: LocalPorts?
  var limits: Limits.Namespace?
  /// For how long the sockets have been in CLOSE_WAIT at least that were there before the exporter
  /// first looked, by cookie; seconds.
  var closeWaitAges: [UInt64: Double] = [:]

  /// Whether the tables of all kinds were read, so that a socket in none of them is in none.
  var hasAllTables = false

  var tcp: TCPSockets? {
    guard var tcp = tables?.tcp, let events else { return nil }
    tcp.events = events
    return tcp
  }

  var ephemeralPorts: EphemeralPorts? {
    guard let tables, let localPorts else { return nil }
    return EphemeralPorts(available: localPorts.available, worst: tables.worstPortUses)
  }
}

/// Reads the exporter's own network namespace and, where asked to, all others: each once.
final class NamespaceReader {
  private let sources: HostSources
  private let attribution: any AttributionBackend
  private let scope: NamespaceScope
  private let report: @Sendable (Sampler.Event) -> Void
  private var namespaces: NetworkNamespaces
  /// Namespaces of which the failure was reported, by inode.
  private var reported: Set<UInt64> = []
  /// It was reported that the namespaces of some processes cannot be read.
  private var hasReportedHidden = false
  /// It was reported that no other namespace can be entered.
  private var hasReportedRefusal = false
  /// Whether the tables were read to learn how old the sockets in CLOSE_WAIT are, or not for want of an
  /// answer.
  private var hasAskedForAges = false
  /// Namespaces of which sockets in CLOSE_WAIT have been read before.
  private var readBefore: Set<UInt64?> = []
  /// How the last sample fared with the other namespaces; nil where it did not look.
  private(set) var tally: NamespaceTally?
  /// Where the TCP sockets of the own namespace were read last; nil before that.
  private(set) var source: TableSource?

  init(
    _ sources: HostSources, _ attribution: any AttributionBackend,
    _ namespaces: consuming NetworkNamespaces, scope: NamespaceScope,
    report: @escaping @Sendable (Sampler.Event) -> Void
  ) {
    self.sources = sources
    self.attribution = attribution
    self.scope = scope
    self.report = report
    self.namespaces = namespaces
  }

  var ownNamespace: UInt64? { namespaces.ownInode }

  /// The label of a namespace; nil for the exporter's own.
  func name(of inode: UInt64) -> String? { namespaces.name(of: inode) }

  /// Looks for the namespaces there are; see `NetworkNamespaces.find`.
  func find(_ walk: ProcessWalk) {
    namespaces.find(walk.namespaces) { sources.containerID(of: $0) }
    let areHidden = walk.ofHiddenNamespace > 0
    if areHidden, !hasReportedHidden {
      report(.namespacesHidden(processes: walk.ofHiddenNamespace))
    }
    hasReportedHidden = areHidden
  }

  /// Remembers of which namespaces the ages of sockets in CLOSE_WAIT are known from now on.
  func knowAges(of readings: [NamespaceReading]) {
    readBefore = Set(readings.lazy.filter { $0.tables != nil }.map(\.inode))
  }

  // MARK: Reading

  /// Namespaces read beside the own one; a host with more would have too many series.
  private static let maxOthers = 500

  /// Those that the tables of TCP sockets answer.
  private static let ofTables: [Collector] = [.tcp, .listener, .port]
  /// Where the attribution needs the tables as well.
  private static let allOfTables = ofTables + [.process]

  /// What is to be done in every namespace.
  private struct Work {
    let due: Set<Collector>
    /// Whether the sockets are to be credited to processes.
    let isAttributing: Bool
    /// Whether only the ages of the sockets are wanted of the tables, so that their failure is none of
    /// a collector.
    let asksOnlyForAges: Bool
    /// Whether the sockets of all kinds are to be given to the attribution.
    let feedsAttribution: Bool
    let ledger: SampleLedger

    var needsTables: Bool {
      feedsAttribution || asksOnlyForAges || !due.isDisjoint(with: ofTables)
    }
    var isNothing: Bool { !needsTables && due.isDisjoint(with: [.sockstat, .limit]) }
  }

  /// Reads what is due.
  /// - Parameter isAttributing: whether the sockets are to be credited to processes.
  func read(
    _ due: Set<Collector>, isAttributing: Bool, _ ledger: SampleLedger
  ) -> [NamespaceReading] {
    let feedsAttribution = isAttributing && attribution.needsTables
    let isDumpDue = !due.isDisjoint(with: Self.ofTables)
    let work = Work(
      due: due, isAttributing: isAttributing,
      asksOnlyForAges: isAttributing && !hasAskedForAges && !feedsAttribution && !isDumpDue,
      feedsAttribution: feedsAttribution, ledger: ledger)
    hasAskedForAges = hasAskedForAges || isAttributing
    if work.isNothing { return [] }
    var own = NamespaceReading(name: nil, inode: ownNamespace)
    guard namespaces.returnHome() else {
      ledger.run(for: Collector.allCases) { throw NetworkNamespaces.CannotReturn() }
      return []
    }
    read(work, into: &own)
    return scope == .all ? [own] + readOthers(work) : [own]
  }

  private func readOthers(_ work: Work) -> [NamespaceReading] {
    var readings: [NamespaceReading] = []
    var tally = NamespaceTally()
    let others = namespaces.others
    if let refusal = namespaces.refusal {
      tally.failed = UInt64(others.count)
      self.tally = tally
      if !hasReportedRefusal, !others.isEmpty { report(.namespacesRefused(refusal)) }
      hasReportedRefusal = hasReportedRefusal || !others.isEmpty
      return []
    }
    for namespace in others.prefix(Self.maxOthers) {
      var reading = NamespaceReading(name: namespace.name, inode: namespace.inode)
      var failure: (any Error)?
      do {
        try namespaces.inside(namespace) {
          sources.isAway = true
          defer { sources.isAway = false }
          // What goes wrong in somebody else's namespace is no failure of the collector.
          read(work, into: &reading) { failure = failure ?? $0 }
        }
        readings.append(reading)
      } catch .vanished {
        continue
      } catch {
        failure = error
      }
      if let failure {
        tally.failed += 1
        if reported.insert(namespace.inode).inserted {
          report(.namespaceFailed(namespace.name, failure))
        }
      } else {
        tally.read += 1
        reported.remove(namespace.inode)
      }
    }
    tally.skipped = UInt64(max(others.count - Self.maxOthers, 0))
    reported.formIntersection(others.lazy.map(\.inode))
    self.tally = tally
    return readings
  }

  /// Reads what belongs to the namespace that the thread is in.
  /// - Parameter failed: takes what goes wrong; nil where it is a failure of the collector.
  private func read(
    _ work: Work, into reading: inout NamespaceReading, failed: ((any Error) -> Void)? = nil
  ) {
    func part<Value>(_ collectors: [Collector], body: () throws -> Value) -> Value? {
      if work.due.isDisjoint(with: collectors) { return nil }
      return work.ledger.run(for: collectors, failed: failed, body: body)
    }
    let isOwn = reading.name == nil
    reading.sockstat = part([.sockstat]) {
      let sockstat = try sources.sockstat()
      return isOwn ? sockstat : sockstat.withoutHost
    }
    reading.limits = part([.limit]) { try sources.namespaceLimits() }
    reading.localPorts = part([.port]) { try sources.localPorts() }
    reading.events = part([.tcp]) { try sources.tcpEvents() }
    guard work.needsTables else { return }

    let empty = TCPTables(
      readsListeners: work.due.contains(.listener), localPorts: reading.localPorts)
    if work.asksOnlyForAges {
      reading.tables = work.ledger.run(for: [.process], failed: { _ in }) {
        try readTables(empty, work, isOwn: isOwn)
      }
    } else {
      reading.tables = part(work.feedsAttribution ? Self.allOfTables : Self.ofTables) {
        try readTables(empty, work, isOwn: isOwn)
      }
    }
    guard work.isAttributing else { return }
    if work.feedsAttribution {
      reading.hasAllTables = reading.tables != nil
      for kind in [SocketKind.udp, .unix, .netlink, .packet, .raw] {
        let answer: Void? = part([.process]) {
          try sources.readInodes(of: kind) { attribution.add(inode: $0, .init(kind)) }
        }
        if answer == nil { reading.hasAllTables = false }
      }
    }
    guard let tables = reading.tables, !readBefore.contains(reading.inode) else { return }
    if !tables.closeWait.isEmpty {
      reading.closeWaitAges = part([.process]) { try sources.closeWaitAges() } ?? [:]
    }
  }

  private func readTables(
    _ empty: TCPTables, _ work: Work, isOwn: Bool
  ) throws -> TCPTables {
    var tables = empty
    let source = try sources.readTCP(into: &tables) { socket in
      if work.feedsAttribution, socket.inode != 0 {
        attribution.add(
          inode: socket.inode, .init(.tcp, state: TCPState(kernelNumber: socket.state)))
      }
    }
    tables.close()
    if isOwn { note(source) }
    return tables
  }

  /// Tells when the way of reading TCP sockets changes.
  private func note(_ read: HostSources.TCPSource) {
    let before = source
    source = read.source
    // That sock_diag works from the start is not worth a word.
    if read.source != before ?? .sockDiag {
      report(.tableSourceChanged(read.source, reason: read.refusal))
    }
  }
}
