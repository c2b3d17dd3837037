import SocketModel
import TestSupport
import Testing

@testable import Sampling

/// What is said of the fixture hosts. The numbers are those of the `HOST.md` beside each of them,
/// counted by other means.
struct HostTests {
  private func sources(_ host: String) throws -> HostSources {
    try HostSources(procfsPath: Fixtures.path("proc/" + host))
  }

  /// A group as one line: name, instances, sockets / descriptors. Every one here is readable.
  private func describe(_ process: ProcessSockets) -> [String] {
    process.groups.map { group in
      #expect(group.readable == group.instances)
      return
        "\(group.name) \(group.instances) \(group.socketDescriptors.sum)/\(group.openDescriptors)"
    }
  }

  private func describe(_ zombies: Zombies) -> [String] {
    zombies.children.map { "\($0.parent) \($0.childSignal.label) \($0.count)" }
  }

  @Test func aServerWithoutIPv6() throws {
    let sources = try sources("linux-5.10")
    let walk = try sources.walk(readsDescriptors: true)
    let process = ProcessSockets(walk, maxGroups: 100, top: 3)
    #expect(
      describe(process) == [
        "(sd-pam) 1 0/0", ") S 1 1 1 0 -1  1 0/3", "exporter 1 1/4", "java 1 16/26",
        "php-fpm: pool w 1 1/5", "postgres 5 11/40", "sshd 2 4/13", "systemd 2 7/18",
        "systemd-journal 1 3/8",
      ])
    #expect(process.topSocketDescriptors.map(\.pid) == [1201, 1, 310])
    #expect(process.unreadable == 0)

    let zombies = try sources.zombies(in: walk, maxGroups: 100)
    #expect(describe(zombies) == ["java default 2"])
    #expect(zombies.total == 2)
    #expect(zombies.processes == 26)
    #expect(zombies.processLimit == 32768)

    let sockstat = try sources.sockstat()
    #expect(sockstat.socketsUsed == 148)
    #expect(sockstat.ipv6 == Sockstat.Family())
  }

  @Test func aMachineThatRunsContainers() throws {
    let sources = try sources("linux-6.1")
    let walk = try sources.walk(readsDescriptors: true)
    let process = ProcessSockets(walk, maxGroups: 100, top: 4)
    #expect(process.groups.count == 26)
    let groups = describe(process)
    for group in [
      "nginx 3 34/53", "kubelet 1 5/12", "npm start 1 1/6", "tokio-runtime-w 1 5/9",
      "(unnamed) 1 0/3", "\u{fffd}\u{fffd}\u{fffd} 1 0/3", "new\nline 1 0/3", "日本語名 1 1/4",
      "last-pid 1 1/4", "sh 1 0/4", "mount.nfs 1 1/4", "traced 1 0/3",
    ] {
      #expect(groups.contains(group), "\(group)")
    }
    #expect(process.groups.reduce(0) { $0 + $1.instances } == 28)
    // 7001 counts by the descriptors of a thread of it that lives.
    #expect(process.groups.reduce(0) { $0 + $1.openDescriptors } == 164 + 9)
    #expect(process.groups.reduce(0) { $0 + $1.socketDescriptors.sum } == 60 + 5)
    #expect(process.topSocketDescriptors.map(\.pid) == [841, 842, 960, 955])

    let zombies = try sources.zombies(in: walk, maxGroups: 100)
    #expect(
      describe(zombies) == [
        "cron-ish ignored 1", "forkserver default 2", "npm start default 5", "unknown unknown 1",
      ])
    #expect(zombies.total == 9)
    #expect(zombies.processes == 45)
    #expect(try sources.sockstat().ipv6.inUse == [18, 3, 0, 2, 1])
  }

  @Test func aRecordedMachine() throws {
    let sources = try sources("linux-6.18")
    let walk = try sources.walk(readsDescriptors: true)
    let process = ProcessSockets(walk, maxGroups: 100, top: 20)
    #expect(
      describe(process) == [
        "(unnamed) 1 0/3", ") Z 1 ( 1 0/3", "a b (c) d 1 0/3", "deaf 1 0/3", "edge 1 37/40",
        "edge6 1 37/40", "exporter 1 0/3", "forgetful 1 0/3", "half-dead 1 4/7", "init 1 0/3",
        "kinds 1 7/16", "master 1 1/4", "new\nline\\ 1 0/3", "nothing-open 1 0/0", "slow 1 0/3",
        "threads 1 0/3", "worker 3 3/12", "\u{fffd}\u{fffd} caf\u{fffd} 1 0/3",
      ])
    #expect(process.topSocketDescriptors.map(\.pid) == [401, 402, 404, 422, 410, 419, 421, 423])

    let zombies = try sources.zombies(in: walk, maxGroups: 100)
    #expect(describe(zombies) == ["deaf ignored 1", "forgetful default 3", "slow caught 2"])
    #expect(zombies.processes == 38)
  }

  @Test func withoutDescriptorsTheProcessesAreCountedStill() throws {
    let sources = try sources("linux-6.1")
    let process = ProcessSockets(
      try sources.walk(readsDescriptors: false), maxGroups: 100, top: 20)
    #expect(process.groups.reduce(0) { $0 + $1.instances } == 28)
    #expect(process.unreadable == 0)
    #expect(process.topSocketDescriptors.isEmpty)
  }
}
