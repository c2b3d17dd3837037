import Glibc
import ProcFS
import SocketIterators
import SocketModel
import TestSupport
import Testing

@testable import Sampling

/// The join of what processes hold with tables.
struct AttributionTests {
  private let own = getpid()

  /// A walk over a host, to be joined with tables.
  private struct Join {
    let attribution: ProcFSAttribution
    var walk: ProcessWalk
    /// The place of the process that is asked about.
    let member: Int

    init(_ path: String, pid: Int32) throws {
      attribution = ProcFSAttribution(try ProcFileSystem(path: path), groupingBy: .comm)
      walk = try attribution.walk(.descriptors, thresholds: 0) { _ in false }
      member = try #require(walk.members.firstIndex { $0.pid == pid })
    }

    func holds(_ inode: UInt32) -> Bool {
      var isHeld = false
      attribution.forEachHolder(of: inode) { if $0 == member { isHeld = true } }
      return isHeld
    }
  }

  /// A host of plain files with one process that holds these sockets.
  private func host(_ inodes: [UInt32]) throws -> PlainHost {
    let host = try PlainHost()
    try host.process(700, "holder", holding: inodes.map { "socket:[\($0)]" })
    return host
  }

  @Test func aWalkFindsTheSocketsOfALiveProcess() throws {
    let socket = try LiveSocket(AF_INET)
    let join = try Join("/proc", pid: own)
    #expect(join.holds(socket.inode))
    #expect(join.walk.members[join.member].socketDescriptors > 0)
    #expect(join.walk.members[join.member].thread == own)
    join.attribution.release()
    #expect(!join.holds(socket.inode))
  }

  /// The kernel's pass knew it without descriptors, a zombie perhaps, and it is reaped after it was
  /// opened: here it has no directory of them.
  @Test func whoGoesWhileItIsVisitedIsNoMember() throws {
    let host = try PlainHost()
    try host.stat(700, "gone")
    // Too young for the pass to know it.
    try host.stat(701, "young", startTicks: 200_000)
    let pass = KnownDescriptors(
      DescriptorPass(), ownProcess: own, startTicks: 0, begun: .seconds(1000))
    var procfs = try ProcFileSystem(path: host.path)
    var walker = ProcessWalker(groupingBy: .comm)
    var holders = SocketHolders()
    let walk = try walker.walk(
      &procfs, .descriptors, thresholds: 0, using: pass, into: &holders
    ) { _ in false }
    #expect(walk.members.map(\.pid) == [701])
    #expect(holders.memberCount == 1)
  }

  /// What some sockets of the test process are counted as. Other tests open and close theirs
  /// meanwhile, so all others are taken for Unix sockets.
  /// - Parameter meanwhile: what happens between the walk and the reading of the tables.
  private func count(
    _ watched: [LiveSocket], isRead: Bool = true, meanwhile: () -> Void = {}
  ) throws -> (kinds: SocketKindCounts, lost: UInt64) {
    // A host with no other process than this one.
    let host = try PlainHost()
    try host.link("\(own)", to: "/proc/\(own)")
    var join = try Join(host.path, pid: own)
    for socket in watched { #expect(join.holds(socket.inode)) }
    meanwhile()
    for inode in try inodesHeld(host) where !watched.contains(where: { $0.inode == inode }) {
      join.attribution.add(inode: inode, .init(.unix))
    }
    let before = join.walk
    join.attribution.finish(&join.walk) { _ in isRead }
    let lost = before.members[0].socketDescriptors - join.walk.members[0].socketDescriptors
    #expect(before.groups[0].openDescriptors - join.walk.groups[0].openDescriptors == lost)
    #expect(join.walk.groups[0].socketDescriptors.sum == join.walk.members[0].socketDescriptors)
    return (join.walk.groups[0].socketDescriptors, lost)
  }

  private func inodesHeld(_ host: PlainHost) throws -> [UInt32] {
    var procfs = try ProcFileSystem(path: host.path)
    var walker = ProcessWalker(groupingBy: .comm)
    var sockets = SocketHolders()
    _ = try walker.walk(&procfs, .descriptors, thresholds: 0, into: &sockets) { _ in false }
    sockets.sort()
    var inodes: [UInt32] = []
    sockets.forEachSocket { inode, _, _ in inodes.append(inode) }
    return inodes
  }

  @Test func whatNoTableListsIsUnboundOrOther() throws {
    var unused = [
      try LiveSocket(AF_INET), try LiveSocket(AF_INET, SOCK_DGRAM),
      try LiveSocket(AF_NETLINK, SOCK_RAW),
    ]
    // A kernel may be without IPv6.
    if let socket = try? LiveSocket(AF_INET6) { unused.append(socket) }
    let kinds = try count(unused).kinds
    #expect(kinds[.unbound] == UInt64(unused.count))
    #expect(kinds[.other] == 0)
    // Those of families that no table is read of, and Unix sockets where theirs did not have it.
    let others =
      [try LiveSocket(AF_UNIX)]
      + [AF_VSOCK, AF_ALG].compactMap {
        try? LiveSocket($0, $0 == AF_ALG ? SOCK_SEQPACKET : SOCK_STREAM)
      }
    let all = try count(unused + others).kinds
    #expect(all[.unbound] == UInt64(unused.count))
    #expect(all[.other] == UInt64(others.count))
  }

  @Test func whatWasClosedMeanwhileCountsNowhere() throws {
    let open = try LiveSocket(AF_INET)
    let closed = try LiveSocket(AF_INET)
    let counted = try count([open, closed]) { closed.close() }
    #expect(counted.kinds[.unbound] == 1)
    #expect(counted.kinds[.other] == 0)
    // Other tests may have closed theirs.
    #expect(counted.lost >= 1)
  }

  @Test func inANamespaceThatWasNotReadNothingIsLookedAtAgain() throws {
    let open = try LiveSocket(AF_INET)
    let closed = try LiveSocket(AF_INET)
    let counted = try count([open, closed], isRead: false) { closed.close() }
    #expect(counted.kinds[.other] >= 2)
    #expect(counted.kinds[.unbound] == 0)
    #expect(counted.lost == 0)
  }

  @Test func aDescriptorThatLeadsToAnotherSocketIsClosed() throws {
    let host = try host([4_000_000_001, 4_000_000_002])
    var join = try Join(host.path, pid: 700)
    try host.descriptors("700", ["socket:[4000000001]", "socket:[4000000009]"])
    join.attribution.finish(&join.walk) { _ in true }
    #expect(join.walk.groups[0].socketDescriptors[.other] == 1)
    #expect(join.walk.groups[0].socketDescriptors.sum == 1)
    #expect(join.walk.groups[0].openDescriptors == 1)
    #expect(join.walk.members[0].socketDescriptors == 1)
  }

  @Test func aProcessThatEndedMeanwhileHoldsWhatTheTablesStillHave() throws {
    let host = try host([4_000_000_001, 4_000_000_002])
    var join = try Join(host.path, pid: 700)
    try host.remove("700")
    join.attribution.add(inode: 4_000_000_002, .init(.tcp, state: .closeWait))
    join.attribution.finish(&join.walk) { _ in true }
    #expect(join.walk.groups[0].socketDescriptors.sum == 1)
    #expect(join.walk.groups[0].tcpSockets[.closeWait] == 1)
  }

  @Test func oneSocketIsOneAndItsDescriptorsAreAll() throws {
    let host = try PlainHost()
    let socket = "socket:[4000000001]"
    // Twice in one process, and in two others, one of them of another group.
    try host.process(700, "master", holding: [socket, "/dev/null", socket])
    try host.process(701, "worker", holding: [socket, "socket:[4000000002]"])
    try host.process(
      702, "worker", holding: [socket, "socket:[4000000003]", "socket:[4000000003]"])
    var join = try Join(host.path, pid: 700)
    join.attribution.add(inode: 4_000_000_001, .init(.tcp, state: .listen))
    join.attribution.add(inode: 4_000_000_002, .init(.udp))
    join.attribution.add(inode: 4_000_000_003, .init(.tcp, state: .established))
    join.attribution.finish(&join.walk) { _ in true }
    let groups = Dictionary(uniqueKeysWithValues: join.walk.groups.map { ($0.name, $0) })
    let master = try #require(groups["master"])
    #expect(master.socketDescriptors[.tcp] == 2)
    #expect(master.sharedSocketDescriptors == 2)
    #expect(master.tcpSockets[.listen] == 1)
    #expect(master.tcpSockets.sum == 1)
    let worker = try #require(groups["worker"])
    #expect(worker.socketDescriptors[.tcp] == 4)
    #expect(worker.socketDescriptors[.udp] == 1)
    // Two descriptors of one process do not share.
    #expect(worker.sharedSocketDescriptors == 2)
    #expect(worker.tcpSockets[.listen] == 1)
    #expect(worker.tcpSockets[.established] == 1)
  }

  /// The kernel shows the directory of a thread beside those of processes, without listing it. Here
  /// it is listed, but without a `stat` it is no process.
  @Test func aProcessWhoseMainThreadHasEndedIsLookedAtUnderAnother() throws {
    let host = try PlainHost()
    try host.stat(700, "half-dead", "Z", threads: 3)
    try host.descriptors("700", [])
    try host.descriptors("700/task/700", [])
    for place in ["700/task/705", "705"] {
      try host.descriptors(place, ["socket:[4000000001]", "/dev/null", "socket:[4000000002]"])
    }
    var join = try Join(host.path, pid: 700)
    #expect(join.walk.members.map(\.pid) == [700])
    #expect(join.walk.members.map(\.thread) == [705])
    try host.remove("705/fd/2")
    join.attribution.finish(&join.walk) { _ in true }
    #expect(join.walk.groups[0].socketDescriptors.sum == 1)
    #expect(join.walk.groups[0].openDescriptors == 2)
  }

  @Test func membersAndHoldersCorrespondWhateverStandsInProc() throws {
    let host = try PlainHost()
    let socket = { "socket:[\(4_000_000_000 + $0)]" }
    try host.process(100, "first", holding: [socket(1)])
    // Its descriptors are not to be listed.
    try host.stat(101, "odd")
    try host.write("101/fd", "")
    // Nobody can tell what it is.
    try host.write("102/stat", "102 (odd")
    try host.descriptors("102", [socket(2)])
    // It has nothing open.
    try host.process(103, "empty")
    // A zombie, one that still lists descriptors, and a process of ended threads only.
    try host.stat(104, "dead", "Z")
    try host.descriptors("104", [])
    try host.stat(105, "dying", "Z")
    try host.descriptors("105", [socket(3)])
    try host.stat(106, "half-dead", "Z", threads: 2)
    try host.descriptors("106", [])
    try host.descriptors("106/task/106", [])
    // Its threads are gone, or cannot be listed.
    try host.stat(107, "half-dead", "Z", threads: 2)
    try host.descriptors("107", [])
    try host.stat(108, "half-dead", "Z", threads: 2)
    try host.descriptors("108", [])
    try host.write("108/task", "")
    // It has nothing to list and no directory for it, as one that ends.
    try host.stat(109, "ending")
    // A kernel thread, inode numbers that are too large, and names that are no descriptors.
    try host.stat(110, "kthread", flags: 0x20_0000)
    try host.descriptors("110", [socket(4)])
    try host.process(
      111, "large", holding: ["socket:[18446744073709551615]", "socket:[99999999999999999999999]"])
    try host.link("111/fd/99999999999999999999", to: socket(5))
    try host.link("111/fd/12x", to: socket(6))
    try host.process(112, "last", holding: [socket(7), socket(7)])

    var procfs = try ProcFileSystem(path: host.path)
    var walker = ProcessWalker(groupingBy: .comm)
    for _ in 0..<2 {
      var sockets = SocketHolders()
      let walk = try walker.walk(&procfs, .descriptors, thresholds: 0, into: &sockets) { _ in false
      }
      sockets.sort()
      var held = [UInt64](repeating: 0, count: walk.members.count)
      sockets.forEachSocket { _, _, holders in
        for holder in holders { held[holder.member] += 1 }
      }
      #expect(held == walk.members.map(\.socketDescriptors))
      #expect(Set(walk.members.map(\.pid)) == [100, 103, 105, 106, 111, 112])
      let last = try #require(walk.members.firstIndex { $0.pid == 112 })
      var members: [Int] = []
      sockets.forEachHolder(of: 4_000_000_007) { members.append($0.member) }
      #expect(members == [last, last])
      #expect(walk.zombies.map(\.identity.pid) == [104])
      #expect(walk.unreadable == 3)
      #expect(walk.ofUnknownState == 1)
      #expect(walk.processes == 11)
    }
  }
}
