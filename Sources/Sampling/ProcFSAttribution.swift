internal import ProcFS
internal import SocketModel

/// Attribution from /proc: every descriptor of every process, joined with the tables by inode.
final class ProcFSAttribution: AttributionBackend {
  private var procfs: ProcFileSystem
  private var walker: ProcessWalker
  private var holders = SocketHolders()
  /// How many descriptors of sockets there were last time.
  private var expectedSockets = 0

  init(_ procfs: consuming ProcFileSystem, groupingBy key: GroupingKey) {
    self.procfs = procfs
    walker = ProcessWalker(groupingBy: key)
  }

  var needsTables: Bool { true }

  var closeWait: [UInt64: [CloseWaitSocket]] { [:] }

  func groupName(of pid: Int32) -> String? { walker.identities[pid]?.name }

  func walk(
    _ depth: ProcessWalker.Depth, thresholds: Int, isToldApart: (UInt64) -> Bool
  ) throws -> ProcessWalk {
    holders = SocketHolders(expecting: depth == .descriptors ? expectedSockets : 0)
    let walk = try walker.walk(
      &procfs, depth, thresholds: thresholds, into: &holders, isToldApart: isToldApart)
    if depth == .descriptors { expectedSockets = holders.count }
    holders.sort()
    return walk
  }

  func add(inode: UInt32, _ mark: SocketMark) {
    holders.mark(inode, mark)
  }

  /// It has the states from the same tables.
  func setCloseWait(_ inodes: [UInt32]) {}

  func finish(_ walk: inout ProcessWalk, isRead: (UInt64) -> Bool) {
    // A local copy, for a closure may not capture an inout parameter that it changes.
    var result = walk
    walk = ProcessWalk()
    let members = result.members
    holders.credit(to: &result) { holder, inode in
      unlistedKind(holder, inode: inode, of: members[holder.member], isRead)
    }
    walk = result
  }

  /// What a socket is that no table speaks of; nil where the descriptor no longer leads to it.
  private func unlistedKind(
    _ holder: SocketHolders.Holder, inode: UInt32, of member: ProcessWalk.Member,
    _ isRead: (UInt64) -> Bool
  ) -> SocketKind? {
    // In a namespace whose tables were not read, most sockets are in none. Looking at each again
    // would double the cost, and tell nothing of their states.
    if let namespace = member.namespace, !isRead(namespace) { return .other }
    // The directory of a thread is not listed beside those of processes, and is there all the same.
    // Before: the walk may be seconds old, and what took the number since is not to be followed.
    // After: what took the number in between is not what was asked for.
    guard procfs.isOpen(holder.descriptor, of: member.thread, socketInode: inode) else {
      return nil
    }
    let name = procfs.socketProtocolName(holder.descriptor, of: member.thread)
    guard procfs.isOpen(holder.descriptor, of: member.thread, socketInode: inode) else {
      return nil
    }
    return name.map(Self.isListedOnceUsed) == true ? .unbound : .other
  }

  /// Whether sockets of a protocol, by the kernel's name, are in one of the tables that are read as
  /// soon as they are bound or connected.
  private static func isListedOnceUsed(_ name: String) -> Bool {
    ["TCP", "UDP", "RAW", "NETLINK", "MPTCP"].contains { name.hasPrefix($0) }
  }

  func forEachHolder(of inode: UInt32, _ body: (Int) -> Void) {
    holders.forEachHolder(of: inode) { body($0.member) }
  }

  func release() {
    holders = SocketHolders()
  }
}
