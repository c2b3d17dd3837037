internal import LinuxIO
internal import ProcFS
internal import SocketIterators
internal import SocketModel

/// One sample of the host: what is read in which order, and how it comes together.
///
/// First the processes and what they hold, then, in each network namespace, the socket tables and
/// what else belongs to the namespace, then what follows from both. `SocketHolders` tells why the
/// order matters.
final class HostSampling {
  private let configuration: Sampler.Configuration
  private let sources: HostSources
  private let attribution: ChosenAttribution
  private let reader: NamespaceReader

  private var closeWaitAges = CloseWaitAges()
  private var zombiesSince = FirstSeen<ProcessWalk.Zombie.Identity>()
  private var listenerOwners = ListenerOwners()
  /// When it was last looked where processes live; nil before that.
  private var namespacesFound: ContinuousClock.Instant?

  /// - Throws: `SystemError` where the proc filesystem cannot be opened; `NoProcesses` where it is none;
  ///   `BackendUnavailable` where the backend that was asked for cannot be had.
  init(
    _ configuration: Sampler.Configuration, report: @escaping @Sendable (Sampler.Event) -> Void
  ) throws {
    self.configuration = configuration
    let path = configuration.procfsPath
    sources = try HostSources(procfsPath: path)
    let procfs = try ProcFileSystem(path: path)
    // A directory of another kind would look like a host without processes.
    var entries = DirectoryReader()
    _ = try procfs.processIDs(using: &entries)
    let namespaces = NetworkNamespaces(
      procfsPath: path, leaves: configuration.namespaces == .all)
    let onlyNamespace = configuration.namespaces == .all ? nil : namespaces.ownInode
    attribution = try ChosenAttribution(configuration, report: report) {
      try SocketIterator(onlyIn: onlyNamespace)
    }
    reader = NamespaceReader(
      sources, attribution, namespaces, scope: configuration.namespaces, report: report)
  }

  /// Whether the process collector needs the tables of sockets, all of them.
  var processNeedsTables: Bool { attribution.needsTables }

  /// Reads what is due and replaces it in the snapshot. What fails stays as it was.
  func sample(_ due: Set<Collector>, into snapshot: inout Snapshot, _ ledger: SampleLedger) {
    ledger.open(due)
    var walk: ProcessWalk?
    if due.contains(.process) {
      walk = ledger.run(for: [.process]) { try self.walk(.descriptors) }
    }
    if due.contains(.zombie) {
      ledger.run(for: [.zombie]) {
        snapshot.zombie = try zombies(in: try walk ?? self.walk(.states))
      }
    }
    if walk == nil, mustLookForNamespaces {
      ledger.run(for: [.tcp, .listener, .port, .sockstat, .limit]) { try self.walk(.identities) }
    }
    let readings = reader.read(due, isAttributing: walk != nil, ledger)
    if let walk {
      ledger.run(for: [.process]) {
        guard ledger.isGood(.process) else { return }
        snapshot.process = attribute(walk, readings)
      }
    }
    attribution.release()
    publish(readings, into: &snapshot, ledger)
  }

  // MARK: Processes

  private func walk(_ depth: ProcessWalker.Depth) throws -> ProcessWalk {
    let ownNamespace = reader.ownNamespace
    let tellsApart = configuration.namespaces == .all
    let walk = try attribution.walk(
      depth, thresholds: configuration.closeWaitThresholds.count
    ) { tellsApart && $0 != ownNamespace }
    if tellsApart {
      reader.find(walk)
      namespacesFound = .now
    }
    return walk
  }

  /// Other walks find the namespaces as well. Where none was due for a while, one is made for them.
  private var mustLookForNamespaces: Bool {
    guard configuration.namespaces == .all else { return false }
    return namespacesFound.map { ContinuousClock.now - $0 > .seconds(60) } ?? true
  }

  /// What the processes hold, now that the tables have been read.
  private func attribute(
    _ found: ProcessWalk, _ readings: [NamespaceReading]
  ) -> ProcessSockets {
    var walk = found
    let read = Set(readings.lazy.filter(\.hasAllTables).map(\.inode))
    let hasTables = readings.contains { $0.tables != nil }
    let closeWaitSockets = closeWaitSockets(in: readings, hasTables: hasTables)
    if hasTables { attribution.setCloseWait(closeWaitSockets.map(\.inode)) }
    attribution.finish(&walk) { read.contains($0) || read.contains(nil) }
    for index in walk.groups.indices {
      walk.groups[index].namespace = walk.groupNamespaces[index].flatMap(reader.name(of:))
    }
    let closeWait = creditCloseWait(closeWaitSockets, to: &walk)
    if hasTables {
      reader.knowAges(of: readings)
      listenerOwners = ListenerOwners(readings, walk, attribution)
    }
    var sockets = ProcessSockets(walk, maxGroups: configuration.maxGroups)
    sockets.closeWaitThresholds = configuration.closeWaitThresholds
    sockets.topSocketDescriptors = walk.holdersOfMost(configuration.top) {
      walk.members[$0].socketDescriptors
    }
    sockets.topCloseWait = walk.holdersOfMost(configuration.top) { UInt64(closeWait[$0]) }
    return sockets
  }

  /// The sockets in CLOSE_WAIT by the tables, and where those of a namespace were not read, by the walk.
  private func closeWaitSockets(
    in readings: [NamespaceReading], hasTables: Bool
  ) -> [CloseWaitAges.Socket] {
    var sockets = attribution.closeWait
    var initialAges: [UInt64: Double] = [:]
    for reading in readings {
      if let tables = reading.tables { sockets[reading.inode ?? 0] = tables.closeWait }
      initialAges.merge(reading.closeWaitAges) { max($0, $1) }
    }
    return closeWaitAges.update(
      sockets, initialAges: initialAges, includesWaiting: hasTables,
      now: SystemClock.sinceBoot / .seconds(1))
  }

  /// Credits the sockets in CLOSE_WAIT to the groups that hold them.
  /// - Returns: how many of them each member holds.
  private func creditCloseWait(
    _ sockets: [CloseWaitAges.Socket], to walk: inout ProcessWalk
  ) -> [UInt32] {
    var heldByMember = [UInt32](repeating: 0, count: walk.members.count)
    // The socket that each group was credited with last, so that none is credited twice.
    var creditedWith = [UInt32](repeating: 0, count: walk.groups.count)
    // Local copies, for a closure may not capture an inout parameter that it changes.
    var groups = walk.groups
    let members = walk.members
    let thresholds = configuration.closeWaitThresholds
    for socket in sockets {
      var lastMember = -1
      attribution.forEachHolder(of: socket.inode) { member in
        if member != lastMember { heldByMember[member] += 1 }
        lastMember = member
        let group = members[member].group
        guard creditedWith[group] != socket.inode else { return }
        creditedWith[group] = socket.inode
        groups[group].addCloseWait(ageSeconds: socket.ageSeconds, thresholds: thresholds)
      }
    }
    walk.groups = groups
    return heldByMember
  }

  // MARK: Zombies

  /// Zombies by their parents.
  private func zombies(in walk: ProcessWalk) throws -> Zombies {
    var zombies = Zombies()
    zombies.processes = walk.processes
    zombies.processLimit = sources.processLimit()
    guard walk.ofUnknownState == 0 else { return zombies }
    zombies.total = UInt64(walk.zombies.count)

    let now = SystemClock.sinceBoot / .seconds(1)
    zombiesSince.update(walk.zombies.map(\.identity), now: now)
    var parents: [Int32: Zombies.Parent] = [:]
    var tally = ZombieTally()
    for zombie in walk.zombies {
      let parent = try parents[zombie.parent] ?? describeParent(zombie.parent)
      parents[zombie.parent] = parent
      let since = zombiesSince.since(zombie.identity) ?? now
      tally.add(parent, ageSeconds: max(((now - since) * 1000).rounded() / 1000, 0))
    }
    tally.fold(into: &zombies, maxGroups: configuration.maxGroups)
    return zombies
  }

  /// A parent's group and what it does with SIGCHLD; unknown where it is out of sight or has ended.
  private func describeParent(_ pid: Int32) throws -> Zombies.Parent {
    let childSignal = try sources.childSignal(of: pid)
    guard childSignal != .unknown, let name = attribution.groupName(of: pid) else {
      return Zombies.Parent(name: Zombies.unknownParent, childSignal: .unknown)
    }
    return Zombies.Parent(name: name, childSignal: childSignal)
  }

  // MARK: Namespaces

  /// Replaces in the snapshot what was due and did not fail.
  private func publish(
    _ readings: [NamespaceReading], into snapshot: inout Snapshot, _ ledger: SampleLedger
  ) {
    func values<Value>(_ value: (NamespaceReading) -> Value?) -> [InNamespace<Value>] {
      readings.compactMap { reading in
        value(reading).map { InNamespace(namespace: reading.name, value: $0) }
      }
    }
    if ledger.isGood(.sockstat) { snapshot.sockstat = values(\.sockstat) }
    if ledger.isGood(.tcp) { snapshot.tcp = values(\.tcp) }
    if ledger.isGood(.port) { snapshot.port = values(\.ephemeralPorts) }
    if ledger.isGood(.listener) {
      ledger.run(for: [.listener]) {
        snapshot.listener = values { reading in
          reading.tables.map { Listeners($0, owners: listenerOwners.owners(in: reading)) }
        }
      }
    }
    if ledger.isGood(.limit) {
      ledger.run(for: [.limit]) {
        var limits = try sources.hostLimits()
        limits.namespaces = values(\.limits)
        snapshot.limit = limits
      }
    }
    if let source = reader.source {
      snapshot.backend = Backend(usesIterator: attribution.usesIterator, tables: source)
    }
    snapshot.otherNamespaces = reader.tally
  }
}

extension ProcessSockets.Group {
  /// Counts a socket in CLOSE_WAIT that the group holds.
  fileprivate mutating func addCloseWait(ageSeconds: Double, thresholds: [UInt64]) {
    closeWaitOldestSeconds = max(closeWaitOldestSeconds ?? 0, ageSeconds)
    for index in thresholds.indices where ageSeconds >= Double(thresholds[index]) {
      closeWaitAged[index] += 1
    }
  }
}
