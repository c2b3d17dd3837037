import LinuxIO
import ProcFS
import SocketModel
import TestSupport
import Testing

@testable import Sampling

struct ProcessIdentitiesTests {
  /// Meets processes of a host again and again.
  private struct Acquaintance: ~Copyable {
    private var procfs: ProcFileSystem
    private(set) var identities: ProcessIdentities
    private let begun = ContinuousClock.now

    init(_ host: PlainHost, by key: GroupingKey = .comm) throws {
      procfs = try ProcFileSystem(path: host.path)
      identities = ProcessIdentities(by: key)
    }

    mutating func meet(
      _ pid: Int32, after elapsed: Duration = .zero
    ) throws -> ProcessIdentities.Meeting {
      try identities.meet(pid, in: procfs.openProcess(pid), of: &procfs, at: begun + elapsed)
    }

    mutating func endWalk() { identities.endWalk() }
  }

  /// When a process started that has lived for so long.
  private func startTicks(_ age: Duration) -> Int {
    Int((SystemClock.sinceBoot - age) / .seconds(1) * 100)
  }

  @Test func aSettledProcessIsReadOnceAMinute() throws {
    let host = try PlainHost()
    try host.process(50, "before")
    var known = try Acquaintance(host)
    #expect(try known.meet(50).stat?.name == "before")
    try host.stat(50, "after")
    for seconds in [5, 30, 62] {
      known.endWalk()
      let meeting = try known.meet(50, after: .seconds(seconds))
      #expect(meeting.identity.name == "before")
      #expect(meeting.stat == nil)
    }
    known.endWalk()
    #expect(try known.meet(50, after: .seconds(63)).identity.name == "after")
    // From then on another minute; which is 45 seconds and, by its id, up to 31 more.
    try host.stat(50, "again")
    #expect(try known.meet(50, after: .seconds(125)).identity.name == "after")
    #expect(try known.meet(50, after: .seconds(126)).identity.name == "again")
  }

  @Test func aYoungProcessIsReadEachTime() throws {
    let host = try PlainHost()
    // It starts in the future, so that it is young however late it is met.
    try host.stat(50, "sh", startTicks: startTicks(.seconds(-120)))
    var known = try Acquaintance(host)
    #expect(try known.meet(50).identity.name == "sh")
    // It runs another program now, and has lived for a while by the time it is met again.
    try host.stat(50, "server", startTicks: startTicks(.seconds(30)))
    #expect(try known.meet(50, after: .seconds(5)).identity.name == "server")
    try host.stat(50, "renamed", startTicks: startTicks(.seconds(30)))
    #expect(try known.meet(50, after: .seconds(10)).identity.name == "server")
  }

  @Test func anotherDirectoryIsAnotherProcess() throws {
    let host = try PlainHost()
    try host.process(50, "first")
    var known = try Acquaintance(host)
    #expect(try known.meet(50).identity.name == "first")
    known.endWalk()
    try host.move("50", to: "gone")
    try host.process(50, "second")
    #expect(try known.meet(50, after: .seconds(5)).identity.name == "second")
  }

  @Test func whoWasNotMetIsForgotten() throws {
    let host = try PlainHost()
    try host.process(50, "a")
    try host.process(51, "b")
    var known = try Acquaintance(host)
    #expect(known.identities[50] == nil)
    _ = try known.meet(50)
    _ = try known.meet(51)
    known.endWalk()
    #expect(known.identities[51]?.name == "b")
    _ = try known.meet(50, after: .seconds(5))
    // The walk is not over, so the last one still counts.
    #expect(known.identities[51]?.name == "b")
    known.endWalk()
    #expect(known.identities[50]?.name == "a")
    #expect(known.identities[51] == nil)
  }

  @Test func whatCannotBeReadFailsOrIsMissing() throws {
    let host = try PlainHost()
    try host.process(50, "bare")
    var known = try Acquaintance(host)
    let bare = try known.meet(50).identity
    #expect(bare.descriptorLimit == nil)
    #expect(bare.namespace == nil)
    try host.write("51/stat", "51 (odd")
    #expect(throws: ParseError.self) { try known.meet(51) }
    #expect(known.identities[51] == nil)
    #expect(throws: SystemError.self) { try known.meet(52) }
  }

  @Test func limitsAndNamespaces() throws {
    let host = try PlainHost()
    for (pid, limit, namespace) in [
      (50, "1024", "net:[4026531840]"), (51, "unlimited", "net:[99999999999999999999]"),
      (52, "99999999999999999999", "mnt:[4026531840]"), (53, "0", "net:[0]"),
    ] {
      try host.process(pid, "a")
      try host.write("\(pid)/limits", "Max open files            \(limit)    4096    files\n")
      try host.link("\(pid)/ns/net", to: namespace)
    }
    var known = try Acquaintance(host)
    var identities: [ProcessIdentity] = []
    for pid in 50...53 as ClosedRange<Int32> { identities.append(try known.meet(pid).identity) }
    #expect(identities.map(\.descriptorLimit) == [1024, nil, nil, 0])
    #expect(identities.map(\.namespace) == [4_026_531_840, nil, nil, 0])
  }

  @Test func groupsByProgramUnitAndContainer() throws {
    let host = try PlainHost()
    let container = String(repeating: "0123456789ab", count: 6).prefix(64)
    try host.process(50, "worker")
    try host.link("50/exe", to: "/usr/sbin/nginx (deleted)")
    try host.write("50/cgroup", "0::/system.slice/nginx.service\n")
    try host.process(51, "worker")
    try host.write("51/cgroup", "0::/system.slice/docker-\(container).scope\n")
    try host.process(52, "")
    func names(_ key: GroupingKey) throws -> [String] {
      var known = try Acquaintance(host, by: key)
      var names: [String] = []
      for pid in 50...52 as ClosedRange<Int32> { names.append(try known.meet(pid).identity.name) }
      return names
    }
    #expect(try names(.comm) == ["worker", "worker", "(unnamed)"])
    // Without the link it keeps the name that it has.
    #expect(try names(.exe) == ["/usr/sbin/nginx", "worker", "(unnamed)"])
    #expect(try names(.unit)[0] == "nginx.service")
    #expect(try names(.unit)[2] == "(no unit)")
    #expect(try names(.container) == ["(no container)", "0123456789ab", "(no container)"])
  }

  /// What only a live walk shows: a process that is walked again is not read again, and one whose
  /// state is asked for is.
  @Test func walksTakeTheirNamesFromHere() throws {
    let host = try PlainHost()
    try host.process(50, "before")
    var procfs = try ProcFileSystem(path: host.path)
    var walker = ProcessWalker(groupingBy: .comm)
    var sockets = SocketHolders()
    let first = try walker.walk(&procfs, .descriptors, thresholds: 0, into: &sockets) { _ in false }
    try host.stat(50, "after", "Z")
    sockets = SocketHolders()
    let second = try walker.walk(&procfs, .descriptors, thresholds: 0, into: &sockets) { _ in false
    }
    #expect(first.groups.map(\.name) == ["before"])
    // It has nothing open, so it might have ended, and has.
    #expect(second.groups.isEmpty)
    #expect(second.zombies.count == 1)
    #expect(walker.identities[50]?.name == "before")
  }
}
