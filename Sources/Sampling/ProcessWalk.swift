internal import LinuxIO
internal import ProcFS
internal import SocketModel

/// What one walk over all processes finds.
struct ProcessWalk {
  /// A process that has ended and that nobody has waited for.
  struct Zombie {
    /// Which process it was. Its parent may change: when that ends, another one adopts it.
    struct Identity: Comparable {
      var pid: Int32
      /// Tells it from another one of the same id.
      var startTicks: UInt64

      static func < (left: Self, right: Self) -> Bool {
        (left.pid, left.startTicks) < (right.pid, right.startTicks)
      }
    }

    var identity: Identity
    var parent: Int32
  }

  /// A live process whose descriptors could be read.
  struct Member {
    var pid: Int32
    /// Under whose id its descriptors are to be found: its own, unless its main thread has ended.
    var thread: Int32
    /// Its place in `groups`.
    var group: Int
    /// The inode of its network namespace; nil where that cannot be read.
    var namespace: UInt64?
    /// Descriptors that are sockets.
    var socketDescriptors: UInt64
  }

  /// All processes, kernel threads and zombies included.
  var processes: UInt64 = 0
  var zombies: [Zombie] = []
  /// Live processes by name and namespace, in the order in which they were met. Their namespaces have
  /// no names yet.
  var groups: [ProcessSockets.Group] = []
  /// For each group the inode of its network namespace, where that is told apart.
  var groupNamespaces: [UInt64?] = []
  /// In the order of the walk, which is that of its `SocketHolders`.
  var members: [Member] = []
  /// The network namespaces they live in, each with some of its processes to enter it by: one alone
  /// may have ended by then.
  var namespaces: [UInt64: [Int32]] = [:]
  /// Processes whose network namespace could not be read for lack of permission.
  var ofHiddenNamespace: UInt64 = 0
  /// Processes whose descriptors could not be read, for lack of permission mostly.
  var unreadable: UInt64 = 0
  /// Those of `unreadable` that may be zombies, because not even their state could be read.
  var ofUnknownState: UInt64 = 0

  /// The first and the latest processes are kept: those that were there first tend to stay, and those
  /// met last were alive a moment ago.
  fileprivate mutating func note(_ pid: Int32, in namespace: UInt64) {
    let kept = 4
    if let count = namespaces[namespace]?.count, count >= kept {
      namespaces[namespace]?[kept - 1] = pid
    } else {
      namespaces[namespace, default: []].append(pid)
    }
  }
}

/// Walks over all processes. Processes that end meanwhile are ordinary and leave no trace.
struct ProcessWalker: ~Copyable {
  /// How much of the processes to read.
  enum Depth {
    /// Who they are and where they live.
    case identities
    /// Also whether they are zombies.
    case states
    /// Also what they hold, which is nearly all of the work.
    case descriptors
  }

  private(set) var identities: ProcessIdentities
  private var processEntries = DirectoryReader()
  private var threadEntries = DirectoryReader(capacity: 8 << 10)
  private var descriptors = DescriptorReader()

  init(groupingBy key: GroupingKey) {
    identities = ProcessIdentities(by: key)
  }

  /// - Parameters:
  ///   - thresholds: how many ages CLOSE_WAIT sockets will be counted from.
  ///   - pass: what the members hold, where the kernel has told it; otherwise their descriptors in
  ///     /proc are read.
  ///   - holders: takes the sockets that the members hold; to be empty before.
  ///   - isToldApart: whether the processes in a network namespace, by its inode, are groups of their
  ///     own.
  /// - Throws: `SystemError` where /proc cannot be listed, or where the exporter or the host has run
  ///   out of descriptors or memory; `NoProcesses` where /proc is none.
  mutating func walk(
    _ procfs: inout ProcFileSystem, _ depth: Depth, thresholds: Int,
    using pass: KnownDescriptors? = nil,
    into holders: inout SocketHolders, isToldApart: (UInt64) -> Bool
  ) throws -> ProcessWalk {
    var walk = ProcessWalk()
    var groupIndex = GroupIndex(thresholds: thresholds)
    let now = ContinuousClock.now
    for pid in try procfs.processIDs(using: &processEntries) {
      let process: Visit
      do {
        process = try visit(pid, of: &procfs, depth, using: pass, at: now, into: &holders)
      } catch let error as SystemError where error.isGone {
        holders.keepMembers(walk.members.count)
        continue
      } catch let error as SystemError where error.isExhaustion {
        // That says nothing about this process, and the next ones would fare no better.
        throw error
      } catch {
        // Not even its name can be known: hidepid=1, or a text that nobody expects. One process must
        // not decide for the host.
        holders.keepMembers(walk.members.count)
        walk.processes += 1
        walk.unreadable += 1
        walk.ofUnknownState += 1
        continue
      }
      walk.processes += 1
      switch process.life {
      case .kernelThread: continue
      case .zombie(let zombie):
        walk.zombies.append(zombie)
        continue
      case .live: break
      }
      let namespace = process.identity.namespace
      if let namespace {
        walk.note(pid, in: namespace)
      } else if process.identity.hidesNamespace {
        walk.ofHiddenNamespace += 1
      }
      guard depth == .descriptors else { continue }

      let separate = namespace.flatMap { isToldApart($0) ? $0 : nil }
      let index = groupIndex.index(of: process.identity.name, in: separate, of: &walk)
      walk.groups[index].instances += 1
      guard let held = process.held else {
        walk.unreadable += 1
        continue
      }
      walk.groups[index].readable += 1
      walk.groups[index].openDescriptors += held.descriptors
      walk.groups[index].socketDescriptors += held.soleSockets
      walk.groups[index].tcpSockets += held.soleTCPSockets
      if let limit = process.identity.descriptorLimit, limit > 0 {
        let ratio = Double(held.largestTable ?? held.descriptors) / Double(limit)
        walk.groups[index].descriptorLimitRatio = max(
          walk.groups[index].descriptorLimitRatio ?? 0, ratio)
      }
      walk.members.append(
        ProcessWalk.Member(
          pid: pid, thread: held.thread ?? pid, group: index, namespace: namespace,
          socketDescriptors: held.sockets))
    }
    identities.endWalk()
    return walk
  }

  // MARK: One process

  private enum Life {
    case live
    case kernelThread
    case zombie(ProcessWalk.Zombie)
  }

  private struct Visit {
    var identity: ProcessIdentity
    var life: Life
    /// Nil where it cannot be read, or was not asked for.
    var held: HeldDescriptors?
  }

  private mutating func visit(
    _ pid: Int32, of procfs: inout ProcFileSystem, _ depth: Depth,
    using pass: KnownDescriptors? = nil,
    at now: ContinuousClock.Instant, into holders: inout SocketHolders
  ) throws -> Visit {
    let process = try procfs.openProcess(pid)
    let meeting = try identities.meet(pid, in: process, of: &procfs, at: now)
    var visit = Visit(identity: meeting.identity, life: .live)
    if meeting.identity.isKernelThread {
      visit.life = .kernelThread
      return visit
    }
    if depth == .identities { return visit }
    if depth == .descriptors {
      if let pass {
        visit.held = try find(pid, meeting.identity, process, in: pass, into: &holders)
        if let namespace = visit.held?.namespace {
          visit.identity.namespace = namespace
          visit.identity.hidesNamespace = false
        }
      } else {
        visit.held = try read(process, into: &holders)
      }
      // Who holds a descriptor lives.
      if let held = visit.held, held.descriptors > 0 { return visit }
    }
    // It may still become clear that it is none, or that its descriptors are elsewhere.
    let isMember = visit.held != nil
    if isMember { holders.dropMember() }
    let stat = try meeting.stat ?? procfs.readStat(of: process)
    if stat.isZombie {
      visit.held = nil
      visit.life = .zombie(
        ProcessWalk.Zombie(
          identity: .init(pid: pid, startTicks: stat.startTicks), parent: stat.parent))
    } else if isMember {
      let areElsewhere = stat.hasEndedMainThread && pass == nil
      visit.held =
        areElsewhere ? try readLiveThread(of: process, into: &holders) : HeldDescriptors()
      // The main thread took its namespace along.
      if let thread = visit.held?.thread {
        visit.identity.namespace = try? process.openPlace(below: "task/\(thread)")
          .networkNamespace()
      }
      if visit.held?.descriptors == 0 { holders.beginMember() }
    }
    return visit
  }

  /// Finds what a process holds in a pass of the kernel; nil where the process was kept out of it.
  /// Where it is not nil, `holders` has a member more.
  private mutating func find(
    _ pid: Int32, _ identity: ProcessIdentity, _ process: borrowing FileDescriptor,
    in pass: KnownDescriptors, into holders: inout SocketHolders
  ) throws(SystemError) -> HeldDescriptors? {
    let held = pass.find(pid, startTicks: identity.startTicks, into: &holders)
    if held.descriptors > 0 || pass.isYounger(startTicks: identity.startTicks) { return held }
    // What is kept out of the pass must not look like nothing. Since Linux 6.2 the size of the directory
    // tells how many descriptors there are, to everybody.
    guard try process.size(below: "fd") > 0 else { return held }
    holders.dropMember()
    return nil
  }

  /// Reads what a process holds; nil where that cannot be read. Where it is not nil, `holders` has a
  /// member more.
  private mutating func read(
    _ process: borrowing FileDescriptor, into holders: inout SocketHolders
  ) throws(SystemError) -> HeldDescriptors? {
    do throws(SystemError) {
      return try read(directory: process.open(below: "fd", directory: true), into: &holders)
    } catch {
      if error.isGone || error.isExhaustion { throw error }
      return nil
    }
  }

  private mutating func read(
    directory: consuming FileDescriptor, into holders: inout SocketHolders
  ) throws(SystemError) -> HeldDescriptors {
    holders.beginMember()
    var held = HeldDescriptors()
    do throws(SystemError) {
      try descriptors.forEach(in: directory) { descriptor in
        held.descriptors += 1
        guard let inode = descriptor.socketInode else { return }
        held.sockets += 1
        holders.append(inode: inode, descriptor: descriptor.number)
      }
    } catch {
      holders.dropMember()
      throw error
    }
    return held
  }

  /// Reads what a process holds whose main thread has ended. Without descriptors it is no member of
  /// `holders` yet.
  ///
  /// In such a process the main thread's descriptor directory is empty, but the other threads hold
  /// the process's descriptors on. They share one table, so the listing of any that lives is that of
  /// all.
  private mutating func readLiveThread(
    of process: borrowing FileDescriptor, into holders: inout SocketHolders
  ) throws(SystemError) -> HeldDescriptors? {
    do throws(SystemError) {
      let tasks = try process.open(below: "task", directory: true)
      for thread in try threadEntries.numbers(in: tasks, name: "task") {
        do throws(SystemError) {
          var held = try read(
            directory: tasks.open(below: "\(thread)/fd", directory: true), into: &holders)
          held.thread = thread
          if held.descriptors > 0 { return held }
          holders.dropMember()
        } catch {
          guard error.isGone else { throw error }
        }
      }
    } catch {
      if error.isGone || error.isExhaustion { throw error }
      return nil
    }
    return HeldDescriptors()
  }
}

/// Finds the group of a name and a namespace.
private struct GroupIndex {
  private struct Key: Hashable {
    var name: String
    var namespace: UInt64?
  }

  let thresholds: Int
  private var indices: [Key: Int] = [:]

  init(thresholds: Int) {
    self.thresholds = thresholds
  }

  mutating func index(
    of name: String, in namespace: UInt64?, of walk: inout ProcessWalk
  ) -> Int {
    let key = Key(name: name, namespace: namespace)
    if let index = indices[key] { return index }
    indices[key] = walk.groups.count
    walk.groups.append(ProcessSockets.Group(name: name, thresholds: thresholds))
    walk.groupNamespaces.append(namespace)
    return walk.groups.count - 1
  }
}
