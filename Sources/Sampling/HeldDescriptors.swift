internal import SocketIterators
internal import SocketModel

/// What one process holds.
struct HeldDescriptors {
  var descriptors: UInt64 = 0
  /// Those that are sockets.
  var sockets: UInt64 = 0
  /// Of `sockets`, those already known to be the only descriptor of a socket that the join has no
  /// questions about; see `DescriptorPass`. The others are in `SocketHolders`.
  var soleSockets = SocketKindCounts()
  /// Those of `soleSockets` that are TCP sockets, by state.
  var soleTCPSockets = TCPStateCounts()
  /// Descriptors in the fullest of its tables, which is what the limit is for; nil where it has one.
  var largestTable: UInt64?
  /// The thread that listed them; nil where that is the main thread.
  var thread: Int32?
  /// The inode of the network namespace, where the kernel told it along.
  var namespace: UInt64?
}

/// What processes hold, as a pass of the kernel found it.
struct KnownDescriptors {
  let pass: DescriptorPass
  /// What the time since the boot that /proc tells is ahead of the kernel's, in clock ticks: not 0 in
  /// a time namespace (time_namespaces(7)).
  let aheadTicks: Int64
  /// When the pass began, in clock ticks since the boot as /proc tells them.
  private let begunTicks: Int64

  private static let nanosecondsPerTick: UInt64 = 10_000_000

  /// - Parameters:
  ///   - process: the exporter's own process.
  ///   - startTicks: when that was started, by /proc.
  ///   - begun: when the pass began, since the boot.
  init(
    _ pass: DescriptorPass, ownProcess process: Int32, startTicks: UInt64, begun: Duration
  ) {
    self.pass = pass
    let started = pass.tables(of: process).first?.startNanoseconds
    aheadTicks =
      started.map { Int64(clamping: startTicks) - Int64($0 / Self.nanosecondsPerTick) } ?? 0
    begunTicks = Int64(begun / .nanoseconds(Int64(Self.nanosecondsPerTick)))
  }

  /// Whether a process may have been started after the pass began.
  func isYounger(startTicks: UInt64) -> Bool {
    Int64(clamping: startTicks) >= begunTicks - 1
  }

  /// What a process held. Nothing where it was not there yet: the number may have been another
  /// process's. `holders` has a member more.
  func find(
    _ process: Int32, startTicks: UInt64, into holders: inout SocketHolders
  ) -> HeldDescriptors {
    holders.beginMember()
    var held = HeldDescriptors()
    for table in pass.tables(of: process) {
      let ticks = Int64(table.startNanoseconds / Self.nanosecondsPerTick) + aheadTicks
      // Two roundings, if the clocks differ.
      guard abs(ticks - Int64(clamping: startTicks)) <= (aheadTicks == 0 ? 0 : 1) else { continue }
      held.descriptors += table.descriptors
      held.soleSockets += table.soleSockets
      held.soleTCPSockets += table.soleTCPSockets
      held.sockets += table.soleSockets.sum + UInt64(table.sockets.count)
      held.largestTable = max(held.largestTable ?? 0, table.descriptors)
      held.namespace = held.namespace ?? table.namespace
      for index in table.sockets {
        holders.append(inode: pass.sockets[index].inode, descriptor: 0)
      }
    }
    return held
  }
}
