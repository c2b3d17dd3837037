internal import Glibc
internal import LinuxIO
internal import ProcFS
internal import SocketIterators
internal import SocketModel

/// Attribution by the kernel's iterator over descriptors: it counts where the sockets are, and hands
/// out one by one only those that others may hold, that listen, or that are in CLOSE_WAIT. Who the
/// processes are still comes from /proc.
///
/// The pass comes before the walk over /proc. A process that began in between holds nothing yet, one
/// that has ended is gone, and a number that was given to another process in between is known by the
/// time of its start. Only where both were started within one clock tick, which takes somebody who
/// hands out numbers again at once, are they taken for one.
final class IteratorAttribution: AttributionBackend {
  private var procfs: ProcFileSystem
  private var walker: ProcessWalker
  private var iterator: SocketIterator
  private var holders = SocketHolders()
  private(set) var closeWait: [UInt64: [CloseWaitSocket]] = [:]
  /// When the exporter was started, by /proc.
  private let startTicks: UInt64

  /// - Throws: what `makeIterator` throws; `OtherProcesses` where /proc shows other processes than the
  ///   kernel would; `SystemError` or `ParseError` where the exporter's own entry in /proc cannot be
  ///   read.
  init(
    _ procfs: consuming ProcFileSystem, groupingBy key: GroupingKey,
    makeIterator: () throws -> SocketIterator
  ) throws {
    let depth = try? procfs.read("self/status") { try ProcessStatus.parseNamespaceDepth($0) }
    guard depth == 1 else { throw OtherProcesses() }
    startTicks = try procfs.read("self/stat") { bytes throws(ParseError) in
      try ProcessStat(parsing: bytes)
    }.startTicks
    self.procfs = procfs
    walker = ProcessWalker(groupingBy: key)
    iterator = try makeIterator()
  }

  /// The proc filesystem is that of another process namespace.
  struct OtherProcesses: Error, CustomStringConvertible {
    var description: String { "the proc filesystem shows another process namespace" }
  }

  var needsTables: Bool { false }

  func groupName(of pid: Int32) -> String? { walker.identities[pid]?.name }

  func walk(
    _ depth: ProcessWalker.Depth, thresholds: Int, isToldApart: (UInt64) -> Bool
  ) throws -> ProcessWalk {
    var known: KnownDescriptors?
    if depth == .descriptors {
      let begun = SystemClock.sinceBoot
      known = KnownDescriptors(
        try pass(), ownProcess: getpid(), startTicks: startTicks, begun: begun)
    }
    let sockets = known?.pass.sockets ?? []
    holders = SocketHolders(expecting: sockets.count)
    let walk = try walker.walk(
      &procfs, depth, thresholds: thresholds, using: known, into: &holders,
      isToldApart: isToldApart)
    holders.sort()
    closeWait = [:]
    for socket in known?.pass.closeWait ?? [] {
      closeWait[socket.namespace, default: []].append(
        CloseWaitSocket(cookie: socket.cookie, inode: socket.inode))
    }
    for socket in sockets {
      holders.mark(socket.inode, SocketMark(socket.kind, state: socket.state))
    }
    return walk
  }

  /// A pass that contradicts itself is made once more: much comes and goes while the kernel makes it.
  private func pass() throws(SocketIteratorError) -> DescriptorPass {
    do throws(SocketIteratorError) {
      return try iterator.pass()
    } catch .malformed {
      return try iterator.pass()
    }
  }

  func add(inode: UInt32, _ mark: SocketMark) {}

  /// What left that state between the pass and the tables is in a state that nobody has told.
  func setCloseWait(_ inodes: [UInt32]) {
    for socket in closeWait.values.joined() { holders.mark(socket.inode, SocketMark(.tcp)) }
    for inode in inodes { holders.mark(inode, SocketMark(.tcp, state: .closeWait)) }
  }

  func finish(_ walk: inout ProcessWalk, isRead: (UInt64) -> Bool) {
    holders.credit(to: &walk) { _, _ in nil }
  }

  func forEachHolder(of inode: UInt32, _ body: (Int) -> Void) {
    holders.forEachHolder(of: inode) { body($0.member) }
  }

  func release() {
    holders = SocketHolders()
    closeWait = [:]
  }
}
