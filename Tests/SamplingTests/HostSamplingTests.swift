import LinuxIO
import SocketModel
import TestSupport
import Testing

@testable import Sampling

/// One sample after the other, with whatever is due, into one snapshot.
struct HostSamplingTests {
  private final class Sampling {
    let host: HostSampling
    var snapshot = Snapshot()

    init(
      _ path: String, namespaces: NamespaceScope = .own, closeWaitThresholds: [UInt64] = [10]
    ) throws {
      // Whatever else runs on the machine, no group of a test is one of too many.
      host = try HostSampling(
        .init(
          procfsPath: path, namespaces: namespaces, maxGroups: 100_000,
          closeWaitThresholds: closeWaitThresholds)
      ) { _ in }
    }

    func sample(_ due: Set<Collector>) -> SampleLedger {
      let ledger = SampleLedger()
      host.sample(due, into: &snapshot, ledger)
      return ledger
    }
  }

  private func makeHost() throws -> PlainHost {
    let host = try PlainHost()
    try host.write("net/sockstat", "sockets: used 7\n")
    try host.write("sys/net/core/somaxconn", "4096\n")
    try host.write("sys/net/ipv4/tcp_max_orphans", "8192\n")
    try host.write("sys/net/ipv4/ip_local_port_range", "32768\t60999\n")
    try host.process(1, "init", holding: ["socket:[4000000001]"])
    return host
  }

  @Test func onlyWhatIsDueIsRead() throws {
    let host = try makeHost()
    let sampling = try Sampling(host.path)
    let ledger = sampling.sample([.sockstat])
    #expect(Set(ledger.entries.keys) == [.sockstat])
    #expect(sampling.snapshot.sockstat?.own()?.socketsUsed == 7)
    #expect(sampling.snapshot.process == nil)
    #expect(sampling.snapshot.limit == nil)
    #expect(sampling.snapshot.tcp == nil)
    #expect(sampling.sample([]).entries.isEmpty)
  }

  @Test func whatFailsStaysAsItWasAndFailsAlone() throws {
    let host = try makeHost()
    let sampling = try Sampling(host.path)
    let all = Set(Collector.allCases)
    var ledger = sampling.sample(all)
    for collector in Collector.allCases { #expect(ledger.isGood(collector), "\(collector)") }
    let before = sampling.snapshot
    #expect(before.limit?.namespaces.own()?.listenBacklog == 4096)
    #expect(before.limit?.tcpOrphans == 8192)
    #expect(before.port?.own()?.available == 28232)

    try host.write("net/sockstat", "sockets: used many\n")
    try host.write("sys/net/core/somaxconn", "many\n")
    try host.write("sys/net/ipv4/ip_local_port_range", "60999\t32768\n")
    try host.process(30, "new")
    ledger = sampling.sample(all)
    for collector in Collector.allCases {
      let fails = [Collector.sockstat, .limit, .port].contains(collector)
      #expect(ledger.isGood(collector) == !fails, "\(collector)")
    }
    #expect(sampling.snapshot.sockstat == before.sockstat)
    #expect(sampling.snapshot.limit == before.limit)
    #expect(sampling.snapshot.port == before.port)
    #expect(sampling.snapshot.process?.groups.map(\.name) == ["init", "new"])
    #expect(sampling.snapshot.zombie?.processes == 2)
  }

  @Test func withoutProcessesTheTablesAreReadStill() throws {
    let host = try makeHost()
    let sampling = try Sampling(host.path)
    try host.remove("1")
    let ledger = sampling.sample(Set(Collector.allCases))
    for collector in Collector.allCases {
      let fails = [Collector.process, .zombie].contains(collector)
      #expect(ledger.isGood(collector) == !fails, "\(collector)")
    }
    #expect(sampling.snapshot.process == nil)
    #expect(sampling.snapshot.tcp?.own() != nil)
  }

  @Test func aFailureIsTheFirstOne() {
    let ledger = SampleLedger()
    ledger.open([.tcp, .process])
    #expect(ledger.run(for: [.tcp, .process]) { 7 } == 7)
    #expect(ledger.isGood(.tcp) && !ledger.isGood(.zombie))
    ledger.run(for: [.listener, .tcp]) { throw TestFailure("first") }
    ledger.run(for: [.tcp, .process]) { throw TestFailure("second") }
    #expect(ledger.entries[.tcp]?.error.map { "\($0)" } == "first")
    #expect(ledger.entries[.process]?.error.map { "\($0)" } == "second")
    #expect(ledger.entries[.listener] == nil)
    var taken: [String] = []
    ledger.open([.limit])
    ledger.run(for: [.limit], failed: { taken.append("\($0)") }) { throw TestFailure("elsewhere") }
    #expect(taken == ["elsewhere"])
    #expect(ledger.isGood(.limit))
  }

  /// The sockets of another namespace are attributed to their holder there, with its owner and state.
  @Test(.enabled(if: TestHost.isAvailable, "needs root, and namespaces"))
  func readsOtherNamespaces() async throws {
    try await TestHost.run { host in
      let server = try host.actor(named: "elsewhere")
      let listener = try server.listen()
      _ = try server.socket(.tcp4)
      let child = try host.start(["sleep", "60"])
      let namespace = "ns-\(try FileDescriptor.open("/proc/\(child.pid)/ns/net").identity().inode)"

      let sampling = try Sampling("/proc", namespaces: .all)
      let ledger = sampling.sample(Set(Collector.allCases))
      for collector in Collector.allCases { #expect(ledger.isGood(collector), "\(collector)") }
      let snapshot = sampling.snapshot
      #expect((snapshot.otherNamespaces?.read ?? 0) >= 1)
      let group = try #require(
        snapshot.process?.groups.first { $0.name == "elsewhere" && $0.namespace == namespace })
      #expect(group.instances == 1)
      #expect(group.socketDescriptors[.tcp] == 1)
      #expect(group.socketDescriptors[.unbound] == 1)
      #expect(group.tcpSockets[.listen] == 1)
      let tcp = try #require(snapshot.tcp?.first { $0.namespace == namespace })
      #expect(tcp.value.counts[.listen, .ipv4] == 1)
      let listeners = try #require(snapshot.listener?.first { $0.namespace == namespace })
      #expect(listeners.value.listeners.map(\.process) == ["elsewhere"])
      #expect(listeners.value.listeners.map { $0.port.map(Int.init) } == [listener.port])
      #expect(snapshot.limit?.namespaces.contains { $0.namespace == namespace } == true)

      // Seen from its own namespace only, it is one of the host's groups.
      let own = try Sampling("/proc")
      _ = own.sample([.process])
      let seen = try #require(
        own.snapshot.process?.groups.first { $0.name == "elsewhere" })
      #expect(seen.namespace == nil)
      #expect(seen.socketDescriptors[.other] == 2)
      #expect(seen.tcpSockets.sum == 0)
    }
  }

  /// The kernel's iterator needs no tables, so a sample of the processes may come between two of
  /// everything, and is to say the same.
  @Test(.enabled(if: TestHost.isAvailable, "needs root, and namespaces"))
  func processesAloneAreWhatTheyAreWithEverything() async throws {
    try await TestHost.run { host in
      let leaker = try host.actor(named: "twice")
      let peer = try host.actor(named: "peer")
      let (listener, idle) = (try leaker.listen(), try leaker.listen())
      func leak() throws {
        let connection = try peer.connect(to: listener, of: leaker)
        try peer.shutdown(connection.own)
        // It is in CLOSE_WAIT when there is nothing to be read any more.
        #expect(try leaker.read(connection.peer) == 0)
      }
      // One waits for accept(2), and its peer has closed it already.
      try peer.shutdown(peer.connect(to: idle))
      for _ in 0..<3 { try leak() }
      let child = try leaker.fork()
      let sampling = try Sampling("/proc", namespaces: .all, closeWaitThresholds: [1])
      func sample(_ due: Set<Collector>) throws -> ProcessSockets.Group {
        let ledger = sampling.sample(due)
        for collector in due { #expect(ledger.isGood(collector), "\(collector)") }
        return try #require(sampling.snapshot.process?.groups.first { $0.name == "twice" })
      }
      /// The ages grow from sample to sample, past the threshold as well.
      func withoutAges(_ group: ProcessSockets.Group) -> ProcessSockets.Group {
        var group = group
        group.closeWaitOldestSeconds = nil
        group.closeWaitAged = []
        return group
      }
      let everything = Set(Collector.allCases)

      let first = try sample(everything)
      let begun = ContinuousClock.now
      #expect(first.tcpSockets[.closeWait] == 3)
      #expect(first.sharedSocketDescriptors == 10)
      let alone = try sample([.process])
      #expect(withoutAges(alone) == withoutAges(first))
      #expect(
        sampling.snapshot.listener?.flatMap(\.value.listeners).contains { $0.process == "twice" }
          == true)

      // What comes in between is as old when the tables tell of it as it is without them.
      try leak()
      #expect(try sample([.process]).tcpSockets[.closeWait] == 4)
      let known = ContinuousClock.now
      while begun.duration(to: .now) < .milliseconds(1050)
        || known.duration(to: .now) < .milliseconds(1050)
      {
        _ = try leaker.pid()
      }
      _ = try leaker.accept(idle)
      let aged = try sample([.process])
      #expect(aged.tcpSockets[.closeWait] == 5)
      #expect(aged.closeWaitAged == [5])
      let withTables = try sample(everything)
      #expect(withoutAges(withTables) == withoutAges(aged))
      #expect(withTables.closeWaitAged == [5])
      #expect(try #require(withTables.closeWaitOldestSeconds) >= 1.05)
      _ = child
    }
  }

  @Test(.enabled(if: TestHost.isAvailable, "needs root, and namespaces"))
  func findsTheUnboundSocketsOfAProcessWhoseMainThreadHasEnded() async throws {
    try await TestHost.run { host in
      let actor = try host.actor(named: "half-gone")
      _ = try actor.socket(.tcp4)
      _ = try actor.socket(.udp4)
      try actor.leaveMainThread()
      let sampling = try Sampling("/proc", namespaces: .all)
      let group = try eventually("its main thread has ended") {
        _ = sampling.sample([.process])
        let group = sampling.snapshot.process?.groups.first { $0.name == "half-gone" }
        return group?.socketDescriptors[.unbound] == 2 ? group : nil
      }
      #expect(group.instances == 1)
      #expect(group.readable == 1)
    }
  }
}
