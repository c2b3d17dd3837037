import LinuxIO
import ProcFS
import SocketModel
import TestSupport
import Testing

@testable import Sampling

/// What is said of the fixture hosts. The numbers are those of the `HOST.md` beside each of them, or
/// were counted in its files by other means. No kernel is asked.
struct HostTests {
  /// What one host holds, joined with its own tables.
  private struct Host {
    var process: ProcessSockets
    var walk: ProcessWalk
    var tables: TCPTables

    init(_ name: String, depth: ProcessWalker.Depth = .descriptors) throws {
      let path = Fixtures.path("proc/" + name)
      let sources = try HostSources(procfsPath: path)
      let attribution = ProcFSAttribution(try ProcFileSystem(path: path), groupingBy: .comm)
      walk = try attribution.walk(depth, thresholds: 0) { _ in false }
      tables = TCPTables(
        readsListeners: true, localPorts: LocalPorts(range: 32768...60999, reserved: []))
      try sources.readTCPInProcFS(into: &tables) { socket in
        if socket.inode != 0 {
          attribution.add(
            inode: socket.inode, .init(.tcp, state: TCPState(kernelNumber: socket.state)))
        }
      }
      tables.close()
      for kind in [SocketKind.udp, .unix, .netlink, .packet, .raw] {
        try sources.readInodesInProcFS(of: kind) { attribution.add(inode: $0, .init(kind)) }
      }
      attribution.finish(&walk) { _ in true }
      process = ProcessSockets(walk, maxGroups: 100)
      process.topSocketDescriptors = walk.holdersOfMost(20) { [walk] in
        walk.members[$0].socketDescriptors
      }
    }

    /// A group as one line: name, instances, sockets / descriptors. Every one here is readable.
    var groups: [String] {
      process.groups.map { group in
        #expect(group.readable == group.instances)
        return
          "\(group.name) \(group.instances) \(group.socketDescriptors.sum)/\(group.openDescriptors)"
      }
    }

    /// The sockets of each group that holds TCP sockets: descriptors by kind and those that are
    /// shared, then TCP sockets by state.
    var sockets: [String] {
      process.groups.compactMap { group in
        if group.tcpSockets.sum == 0 { return nil }
        let kinds = SocketKind.allCases.filter { group.socketDescriptors[$0] > 0 }.map {
          "\($0.label) \(group.socketDescriptors[$0])"
        }
        let states = TCPState.allCases.filter { group.tcpSockets[$0] > 0 }.map {
          "\($0.label) \(group.tcpSockets[$0])"
        }
        let shared = group.sharedSocketDescriptors
        return "\(group.name) \(kinds.joined(separator: ", "))"
          + (shared > 0 ? ", shared \(shared): " : ": ") + states.joined(separator: ", ")
      }
    }

    /// Sockets of one family by state, in the order of `TCPState`.
    func counts(_ family: AddressFamily) -> [UInt64] {
      TCPState.allCases.map { tables.tcp.counts[$0, family] }
    }
  }

  /// What the zombie collector alone says.
  private func zombies(_ host: String) throws -> Zombies {
    var snapshot = Snapshot()
    let host = try HostSampling(
      .init(collectors: [.zombie], procfsPath: Fixtures.path("proc/" + host))
    ) { _ in Issue.record("nothing was to be told") }
    host.sample([.zombie], into: &snapshot, SampleLedger())
    return try #require(snapshot.zombie)
  }

  private func describe(_ zombies: Zombies) -> [String] {
    zombies.children.map { "\($0.parent) \($0.childSignal.label) \($0.count)" }
  }

  @Test func aServerWithoutIPv6() throws {
    let host = try Host("linux-5.10")
    #expect(
      host.groups == [
        "(sd-pam) 1 0/0", ") S 1 1 1 0 -1  1 0/3", "exporter 1 1/4", "java 1 16/26",
        "php-fpm: pool w 1 1/5", "postgres 5 11/40", "sshd 2 4/13", "systemd 2 7/18",
        "systemd-journal 1 3/8",
      ])
    #expect(
      host.sockets == [
        "java tcp 16: established 7, syn_sent 1, close_wait 7, listen 1",
        // The five of them share one socket, of UDP.
        "postgres tcp 5, udp 5, unix 1, shared 5: established 4, listen 1",
        "sshd tcp 2, unix 2: established 1, listen 1",
      ])
    #expect(host.process.topSocketDescriptors.map(\.pid).prefix(3) == [1201, 1, 310])
    #expect(host.process.unreadable == 0)

    #expect(host.counts(.ipv4) == [12, 1, 2, 1, 2, 5, 0, 7, 1, 3, 1])
    #expect(host.counts(.ipv6).allSatisfy { $0 == 0 })
    #expect(host.tables.tcp.queueBytes[0].receive == 1558)
    #expect(host.tables.tcp.queueBytes[0].send == 16423)
    #expect(host.tables.closeWait.count == 7)
    #expect(host.tables.listeners.map(\.port) == [22, 5432, 8080])
    #expect(host.tables.listeners.map(\.acceptQueue) == [0, 0, 3])

    let zombies = try zombies("linux-5.10")
    #expect(describe(zombies) == ["java default 2"])
    #expect(zombies.total == 2)
    #expect(zombies.processes == 26)
    #expect(zombies.processLimit == 32768)

    let sources = try HostSources(procfsPath: Fixtures.path("proc/linux-5.10"))
    let sockstat = try sources.sockstat()
    #expect(sockstat.socketsUsed == 148)
    #expect(sockstat.ipv6 == Sockstat.Family())
  }

  @Test func aMachineThatRunsContainers() throws {
    let host = try Host("linux-6.1")
    #expect(host.process.groups.count == 26)
    let groups = host.groups
    for group in [
      "nginx 3 34/53", "kubelet 1 5/12", "npm start 1 1/6", "tokio-runtime-w 1 5/9",
      "(unnamed) 1 0/3", "\u{fffd}\u{fffd}\u{fffd} 1 0/3", "new\nline 1 0/3", "日本語名 1 1/4",
      "last-pid 1 1/4", "sh 1 0/4", "mount.nfs 1 1/4", "traced 1 0/3",
    ] {
      #expect(groups.contains(group), "\(group)")
    }
    #expect(host.process.groups.reduce(0) { $0 + $1.instances } == 28)
    // 7001 counts by the descriptors of a thread of it that lives.
    #expect(host.process.groups.reduce(0) { $0 + $1.openDescriptors } == 164 + 9)
    #expect(host.process.groups.reduce(0) { $0 + $1.socketDescriptors.sum } == 60 + 5)
    #expect(host.process.topSocketDescriptors.map(\.pid).prefix(4) == [841, 842, 960, 955])
    #expect(
      host.sockets == [
        "kubelet tcp 2, unix 2, netlink 1: listen 2",
        "nginx tcp 30, unix 4, shared 6: established 22, close_wait 2, listen 2",
        "sshd tcp 2: listen 2",
        "tokio-runtime-w tcp 5: established 5",
      ])
    #expect(host.counts(.ipv4) == [17, 0, 3, 0, 1, 11, 1, 0, 1, 3, 1])
    #expect(host.counts(.ipv6) == [10, 1, 1, 1, 1, 5, 0, 2, 1, 3, 0])
    // Port 80 is listened on, so its connections take no port that somebody could need.
    #expect(host.tables.ports.map(\.number) == [22, 80, 10248, 10250])
    #expect(host.tables.ports.map(\.sockets.sum) == [2, 51, 1, 1])
    #expect(
      host.tables.worstPortUses.prefix(2).map { $0.destination.text(port: $0.destinationPort) } == [
        "203.0.113.5:5672", "[2001:db8:4::1]:443",
      ])
    #expect(host.tables.worstPortUses.prefix(4).map(\.ports) == [5, 1, 1, 1])

    let zombies = try zombies("linux-6.1")
    #expect(
      describe(zombies) == [
        "cron-ish ignored 1", "forkserver default 2", "npm start default 5", "unknown unknown 1",
      ])
    #expect(zombies.total == 9)
    #expect(zombies.processes == 45)
    let sources = try HostSources(procfsPath: Fixtures.path("proc/linux-6.1"))
    #expect(try sources.sockstat().ipv6.inUse == [18, 3, 0, 2, 1])
  }

  @Test func aRecordedMachine() throws {
    let host = try Host("linux-6.18")
    #expect(
      host.groups == [
        "(unnamed) 1 0/3", ") Z 1 ( 1 0/3", "a b (c) d 1 0/3", "deaf 1 0/3", "edge 1 37/40",
        "edge6 1 37/40", "exporter 1 0/3", "forgetful 1 0/3",
        // Its sockets are in no table here, and a plain file does not show the threads of a process
        // beside it as the kernel does.
        "half-dead 1 0/3",
        "init 1 0/3", "kinds 1 7/16", "master 1 1/4", "new\nline\\ 1 0/3", "nothing-open 1 0/0",
        "slow 1 0/3", "threads 1 0/3", "worker 3 3/12", "\u{fffd}\u{fffd} caf\u{fffd} 1 0/3",
      ])
    #expect(
      host.process.topSocketDescriptors.map(\.pid) == [401, 402, 404, 410, 419, 421, 423])
    let states =
      "established 12, syn_sent 2, fin_wait1 1, fin_wait2 8, close_wait 7, last_ack 2, listen 4, "
      + "closing 1"
    #expect(
      host.sockets == [
        "edge tcp 37: " + states, "edge6 tcp 37: " + states,
        // One listener, four processes, two groups.
        "master tcp 1, shared 1: listen 1", "worker tcp 3, shared 3: listen 1",
      ])
    let kinds = try #require(host.process.groups.first { $0.name == "kinds" }).socketDescriptors
    // Those that are in no table cannot be asked any more.
    #expect([.unix, .packet, .raw, .other].map { kinds[$0] } == [2, 1, 1, 3])
    #expect(kinds.sum == 7)
    #expect(host.counts(.ipv4) == [12, 2, 3, 1, 10, 6, 0, 7, 2, 5, 1])
    #expect(host.counts(.ipv6) == [12, 2, 3, 1, 10, 6, 0, 7, 2, 4, 1])
    #expect(host.tables.tcp.retransmitting == 10)
    #expect(host.tables.tcp.probing == 8)
    #expect(host.tables.tcp.keepingAlive == 0)

    let zombies = try zombies("linux-6.18")
    #expect(describe(zombies) == ["deaf ignored 1", "forgetful default 3", "slow caught 2"])
    #expect(zombies.processes == 38)
  }

  @Test(arguments: ["linux-5.10", "linux-6.1", "linux-6.18"])
  func membersAndHoldersCorrespond(_ host: String) throws {
    let path = Fixtures.path("proc/" + host)
    var procfs = try ProcFileSystem(path: path)
    var walker = ProcessWalker(groupingBy: .comm)
    var sockets = SocketHolders()
    let walk = try walker.walk(&procfs, .descriptors, thresholds: 0, into: &sockets) { _ in false }
    #expect(walk.members.count == Int(walk.groups.reduce(0) { $0 + $1.readable }))
    sockets.sort()
    var held = [UInt64](repeating: 0, count: walk.members.count)
    sockets.forEachSocket { _, _, holders in
      for holder in holders { held[holder.member] += 1 }
    }
    #expect(held == walk.members.map(\.socketDescriptors))
  }

  @Test func withoutDescriptorsTheProcessesAreCountedStill() throws {
    let host = try Host("linux-6.1", depth: .states)
    #expect(host.walk.processes == 45)
    #expect(host.walk.zombies.count == 9)
    #expect(host.walk.groups.isEmpty)
    #expect(host.process.unreadable == 0)
    #expect(host.process.topSocketDescriptors.isEmpty)
    let identities = try Host("linux-6.1", depth: .identities)
    #expect(identities.walk.processes == 45)
    #expect(identities.walk.zombies.isEmpty)
  }
}
