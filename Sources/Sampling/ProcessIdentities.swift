internal import LinuxIO
internal import ProcFS
internal import SocketModel

/// What makes processes one group.
package enum GroupingKey: String, CaseIterable, Sendable {
  /// The name of the process (comm).
  case comm
  /// The path of the program it runs.
  case exe
  /// The systemd unit it belongs to.
  case unit
  /// The container it runs in.
  case container
}

/// What stays the same while a process lives, or nearly so.
struct ProcessIdentity {
  /// The name of its group.
  var name: String
  var isKernelThread: Bool
  /// The soft limit of open descriptors; nil where there is none or it cannot be read.
  var descriptorLimit: UInt64?
  /// The inode of its network namespace; nil where that cannot be read.
  var namespace: UInt64?
  /// It cannot be read for lack of permission.
  var hidesNamespace = false
  /// When it was started: tells it from another one of the same id.
  var startTicks: UInt64
}

/// Knows the processes that were met before, so that what does not change is not read with each
/// sample.
///
/// A process is recognised by its directory in /proc: while it lives the kernel keeps the directory's
/// inode, and its number is not given to another process's. Names and limits can change after all, so
/// they are read again: of a young process, which may still become another program, with each
/// sample, of the others once a minute.
struct ProcessIdentities {
  private struct Known {
    var directoryInode: UInt64
    var identity: ProcessIdentity
    var readAt: ContinuousClock.Instant
    /// It had lived for a while when it was read.
    var isSettled: Bool
    var walk: UInt64
  }

  private let key: GroupingKey
  private var known: [Int32: Known] = [:]
  private var walk: UInt64 = 0

  private static let youth = Duration.seconds(10)

  /// A minute, more or less: processes that were met at the same time must not all be read again at
  /// the same time.
  private static func rereadAfter(_ pid: Int32) -> Duration { .seconds(45 + Int(pid) & 31) }

  init(by key: GroupingKey) {
    self.key = key
  }

  /// Forgets, after a walk, the processes that it did not meet.
  mutating func endWalk() {
    known = known.filter { $0.value.walk == walk }
    walk += 1
  }

  /// What is known of a process that was met before in this walk or the last one.
  subscript(pid: Int32) -> ProcessIdentity? { known[pid]?.identity }

  /// A process, and what was read of it just now.
  struct Meeting {
    var identity: ProcessIdentity
    /// Nil where it did not have to be read.
    var stat: ProcessStat?
  }

  /// Meets a process on a walk.
  /// - Throws: `SystemError` or `ParseError` where not even its `stat` can be read.
  mutating func meet(
    _ pid: Int32, in directory: borrowing FileDescriptor, of procfs: inout ProcFileSystem,
    at now: ContinuousClock.Instant
  ) throws -> Meeting {
    let inode = try directory.identity().inode
    if var process = known[pid], process.directoryInode == inode,
      process.isSettled && now - process.readAt < Self.rereadAfter(pid)
    {
      process.walk = walk
      known[pid] = process
      return Meeting(identity: process.identity, stat: nil)
    }
    let stat = try procfs.readStat(of: directory)
    let identity = Self.read(pid, stat, in: directory, of: &procfs, by: key)
    let age = SystemClock.sinceBoot - stat.startTime
    known[pid] = Known(
      directoryInode: inode, identity: identity, readAt: now, isSettled: age >= Self.youth,
      walk: walk)
    return Meeting(identity: identity, stat: stat)
  }

  /// What cannot be read has a value that says so; a process without a name must not stop a walk.
  private static func read(
    _ pid: Int32, _ stat: ProcessStat, in directory: borrowing FileDescriptor,
    of procfs: inout ProcFileSystem, by key: GroupingKey
  ) -> ProcessIdentity {
    var identity = ProcessIdentity(
      name: stat.groupName, isKernelThread: stat.isKernelThread, descriptorLimit: nil,
      namespace: nil, startTicks: stat.startTicks)
    if stat.isKernelThread || stat.isZombie { return identity }
    identity.descriptorLimit = try? procfs.read("limits", of: directory) { bytes in
      try ProcessLimits.parseOpenFiles(bytes)
    }
    do throws(SystemError) {
      identity.namespace = try directory.networkNamespace()
    } catch {
      identity.hidesNamespace = error.isDenied
    }
    switch key {
    case .comm: break
    case .exe:
      if let path = try? directory.withLink(below: "exe", { ProgramPath.parse($0) }) {
        identity.name = path
      }
    case .unit:
      identity.name = procfs.controlGroup(of: directory)?.unit ?? "(no unit)"
    case .container:
      identity.name = procfs.controlGroup(of: directory)?.shortContainerID ?? "(no container)"
    }
    return identity
  }
}

extension FileDescriptor {
  /// The inode of the network namespace of the process, or the thread, whose directory this is.
  borrowing func networkNamespace() throws(SystemError) -> UInt64? {
    try withLink(below: "ns/net") { NetworkNamespaceLink.parse($0) }
  }
}

extension ProcFileSystem {
  /// - Throws: `SystemError` or `ParseError`.
  mutating func readStat(of process: borrowing FileDescriptor) throws -> ProcessStat {
    try read("stat", of: process) { bytes throws(ParseError) in try ProcessStat(parsing: bytes) }
  }

  /// Nil where it cannot be read.
  mutating func controlGroup(of process: borrowing FileDescriptor) -> ControlGroup? {
    try? read("cgroup", of: process) { bytes throws(ParseError) in try ControlGroup(parsing: bytes)
    }
  }
}

extension ProcessStat {
  /// The group that a process belongs to. One without a name needs one: an empty label is no label.
  var groupName: String { name.isEmpty ? "(unnamed)" : name }
}
