import SocketModel
import Synchronization
import TestSupport
import Testing

@testable import Sampling

/// The sampler over a host of plain files, one of which is then broken.
struct SamplerTests {
  private final class Events: Sendable {
    private let told = Mutex<[String]>([])
    var all: [String] { told.withLock { $0 } }
    func add(_ event: Sampler.Event) {
      let text =
        switch event {
        case .collectorFailed(let collector, let error): "failed \(collector.name): \(error)"
        case .collectorRecovered(let collector): "recovered \(collector.name)"
        case .tableSourceChanged(let source, _): "tables from \(source)"
        case .iteratorUnavailable(let error): "no iterator: \(error)"
        case .iteratorFailed(let error): "iterator failed: \(error)"
        case .namespaceFailed(let name, let error): "namespace \(name): \(error)"
        case .namespacesRefused(let error): "namespaces: \(error)"
        case .namespacesHidden(let processes): "namespaces of \(processes) processes"
        case .collectorSlowed(let collector, _): "slowed \(collector.name)"
        case .collectorKeepsUp(let collector): "keeps up \(collector.name)"
        }
      told.withLock { $0.append(text) }
    }
  }

  /// The tables are the live host's, which has no sockets of these numbers.
  private func makeHost() throws -> PlainHost {
    let host = try PlainHost()
    try host.write("net/sockstat", "sockets: used 7\nTCP: inuse 2 orphan 0 tw 1 alloc 3 mem 2\n")
    try host.write("sys/kernel/pid_max", "4194304\n")
    try host.process(
      1, "init", holding: ["/dev/null", "socket:[4000000100]", "pipe:[9]"], parent: 0)
    try host.write(
      "1/status", "Name:\tinit\nSigIgn:\t0000000000000000\nSigCgt:\t0000000000010000\n")
    try host.stat(2, "kthreadd", parent: 0, flags: 0x20_8040)
    try host.descriptors("2", [])
    try host.process(
      30, "web) S (",
      holding: [
        "socket:[4000000001]", "socket:[4000000002]", "socket:[4000000003]", "/srv/socket:[4]",
      ])
    try host.write(
      "30/limits", "Limit  Soft Limit  Hard Limit  Units\nMax open files  8  16  files\n")
    try host.process(31, "web) S (", holding: ["socket:[4000000003]"])
    try host.stat(40, "dead", "Z")
    try host.descriptors("40", [])
    return host
  }

  private func sampler(_ host: PlainHost, _ events: Events) throws -> Sampler {
    try Sampler(
      Sampler.Configuration(
        interval: .seconds(1), collectors: [.sockstat, .process, .zombie],
        procfsPath: host.path, backend: .procfs)
    ) { events.add($0) }
  }

  /// Waits until every collector is due again and takes a sample.
  private func next(_ sampler: Sampler) async throws -> Snapshot {
    try await Task.sleep(for: .seconds(1))
    return await sampler.sample()
  }

  @Test func readsAHost() async throws {
    let host = try makeHost()
    let events = Events()
    let snapshot = try await sampler(host, events).sample()
    #expect(snapshot.sockstat?.own()?.socketsUsed == 7)
    #expect(snapshot.sockstat?.own()?.tcpTimeWait == 1)
    #expect(snapshot.sockstat?.own()?.ipv6.inUse.allSatisfy { $0 == nil } == true)
    let process = try #require(snapshot.process)
    #expect(process.groups.map(\.name) == ["init", "web) S ("])
    #expect(process.groups.map(\.instances) == [1, 2])
    #expect(process.groups.map(\.socketDescriptors.sum) == [1, 4])
    #expect(process.groups.map(\.openDescriptors) == [3, 5])
    #expect(process.groups.map(\.socketDescriptors[.other]) == [1, 4])
    #expect(process.groups.map(\.sharedSocketDescriptors) == [0, 2])
    #expect(process.groups.map(\.descriptorLimitRatio) == [nil, 0.5])
    #expect(process.closeWaitThresholds == [10, 60, 300, 3600])
    #expect(process.groups.map(\.closeWaitAged) == [[0, 0, 0, 0], [0, 0, 0, 0]])
    #expect(process.groups.map(\.closeWaitOldestSeconds) == [nil, nil])
    #expect(process.topSocketDescriptors.map(\.pid) == [30, 1, 31])
    #expect(process.topCloseWait.isEmpty)
    #expect(process.unreadable == 0)
    let zombie = try #require(snapshot.zombie)
    #expect(zombie.total == 1)
    #expect(zombie.children == [.init(parent: "init", childSignal: .caught, count: 1)])
    #expect(zombie.processes == 5)
    #expect(zombie.processLimit == 4_194_304)
    #expect(snapshot.collectors.map(\.succeeded) == [true, true, true])
    #expect(events.all.isEmpty)
  }

  @Test func oneBrokenSourceFailsAloneAndIsToldOnce() async throws {
    let host = try makeHost()
    let events = Events()
    let sampler = try sampler(host, events)
    _ = await sampler.sample()
    try host.write("net/sockstat", "sockets: used many\n")
    _ = try await next(sampler)
    let broken = try await next(sampler)
    #expect(broken.collectors.map(\.succeeded) == [false, true, true])
    #expect(broken.collectors.map(\.errors) == [2, 0, 0])
    #expect(broken.process?.groups.count == 2)
    #expect(events.all == ["failed sockstat: net/sockstat: line 1: cannot read used"])
    try host.write("net/sockstat", "sockets: used 8\n")
    let mended = try await next(sampler)
    #expect(mended.sockstat?.own()?.socketsUsed == 8)
    #expect(mended.collectors[0].succeeded)
    #expect(events.all.last == "recovered sockstat")
    #expect(events.all.count == 2)
  }

  @Test func oneOddProcessDoesNotDecideForTheHost() async throws {
    let host = try makeHost()
    // Its descriptors cannot be listed, but it is known and alive.
    try host.remove("31/fd")
    try host.write("31/fd", "")
    let events = Events()
    let sampler = try sampler(host, events)
    let odd = await sampler.sample()
    #expect(odd.process?.unreadable == 1)
    #expect(odd.process?.groups.map(\.instances) == [1, 2])
    #expect(odd.process?.groups.map(\.readable) == [1, 1])
    #expect(odd.process?.groups.map(\.socketDescriptors.sum) == [1, 3])
    #expect(odd.zombie?.total == 1)
    // Nothing is known of it now, so it might be a zombie.
    // A directory of the same name is another process.
    try host.move("31", to: "gone")
    try host.write("31/stat", "31 (web")
    let unknown = try await next(sampler)
    #expect(unknown.process?.unreadable == 1)
    #expect(unknown.process?.groups.map(\.instances) == [1, 1])
    #expect(unknown.zombie?.processes == 5)
    #expect(unknown.zombie?.total == nil)
    #expect(unknown.zombie?.children.isEmpty == true)
    #expect(events.all.isEmpty)
  }

  @Test func aCollectorThatCostsTooMuchIsSlowedAndThatIsToldOnce() async throws {
    let host = try makeHost()
    let events = Events()
    // No walk takes less than a hundredth of a microsecond.
    let sampler = try Sampler(
      .init(
        interval: .milliseconds(10), cpuBudget: 1e-6, collectors: [.zombie], procfsPath: host.path,
        backend: .procfs)
    ) { events.add($0) }
    let first = await sampler.sample()
    #expect(first.collectors[0].interval > .milliseconds(10))
    #expect(events.all == ["slowed zombie"])
    try host.process(50, "new")
    try await Task.sleep(for: .milliseconds(20))
    let second = await sampler.sample()
    // It did not run, and what it said stands for five of the intervals that it has now.
    #expect(second.zombie?.processes == 5)
    #expect(second.collectors[0].lastSuccess == first.collectors[0].lastSuccess)
    #expect(second.collectors[0].succeeded)
    #expect(events.all == ["slowed zombie"])
  }

  @Test func aMissingProcFilesystemIsNamed() throws {
    #expect {
      _ = try Sampler(Sampler.Configuration(procfsPath: "/nonexistent/proc")) { _ in }
    } throws: { "\($0)".contains("/nonexistent/proc: No such file or directory") }
  }
}
