import Foundation
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
        case .backendChanged(let backend, _): "backend \(backend.label)"
        }
      told.withLock { $0.append(text) }
    }
  }

  private func makeHost() throws -> URL {
    let root = FileManager.default.temporaryDirectory.appending(path: "host-\(UUID())")
    func write(_ path: String, _ text: String) throws {
      let url = root.appending(path: path)
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: url)
    }
    func descriptors(_ pid: Int, _ targets: [String]) throws {
      let directory = root.appending(path: "\(pid)/fd")
      try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
      for (number, target) in targets.enumerated() {
        try FileManager.default.createSymbolicLink(
          atPath: directory.appending(path: "\(number)").path, withDestinationPath: target)
      }
    }
    func stat(_ pid: Int, _ name: String, _ state: String, parent: Int, flags: Int = 0) -> String {
      "\(pid) (\(name)) \(state) \(parent) 1 1 0 -1 \(flags) 0 0 0 0 0 0 0 0 20 0 1 0 100 0\n"
    }
    try write("net/sockstat", "sockets: used 7\nTCP: inuse 2 orphan 0 tw 1 alloc 3 mem 2\n")
    try write("sys/kernel/pid_max", "4194304\n")
    try write("1/stat", stat(1, "init", "S", parent: 0))
    try write("1/status", "Name:\tinit\nSigIgn:\t0000000000000000\nSigCgt:\t0000000000010000\n")
    try descriptors(1, ["/dev/null", "socket:[100]", "pipe:[9]"])
    try write("2/stat", stat(2, "kthreadd", "S", parent: 0, flags: 0x20_8040))
    try descriptors(2, [])
    try write("30/stat", stat(30, "web) S (", "S", parent: 1))
    try descriptors(30, ["socket:[1]", "socket:[2]", "socket:[3]", "/srv/socket:[4]"])
    try write("31/stat", stat(31, "web) S (", "R", parent: 1))
    try descriptors(31, ["socket:[5]"])
    try write("40/stat", stat(40, "dead", "Z", parent: 1))
    try descriptors(40, [])
    return root
  }

  private func sampler(_ root: URL, _ events: Events) throws -> Sampler {
    // TCP sockets come from netlink, which this host of files does not have.
    try Sampler(
      Sampler.Configuration(
        interval: .seconds(5), collectors: [.sockstat, .process, .zombie],
        procfsPath: root.path)
    ) { events.add($0) }
  }

  @Test func readsAHost() async throws {
    let root = try makeHost()
    defer { try? FileManager.default.removeItem(at: root) }
    let events = Events()
    let snapshot = try await sampler(root, events).sample()
    #expect(snapshot.sockstat?.own()?.socketsUsed == 7)
    #expect(snapshot.sockstat?.own()?.tcpTimeWait == 1)
    #expect(snapshot.sockstat?.own()?.ipv6.inUse.allSatisfy { $0 == nil } == true)
    let process = try #require(snapshot.process)
    #expect(process.groups.map(\.name) == ["init", "web) S ("])
    #expect(process.groups.map(\.instances) == [1, 2])
    #expect(process.groups.map(\.socketDescriptors.sum) == [1, 4])
    #expect(process.groups.map(\.openDescriptors) == [3, 5])
    #expect(process.topSocketDescriptors.map(\.pid) == [30, 1, 31])
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
    let root = try makeHost()
    defer { try? FileManager.default.removeItem(at: root) }
    let events = Events()
    let sampler = try sampler(root, events)
    _ = await sampler.sample()
    let file = root.appending(path: "net/sockstat")
    try Data("sockets: used many\n".utf8).write(to: file)
    _ = await sampler.sample()
    let broken = await sampler.sample()
    #expect(broken.collectors.map(\.succeeded) == [false, true, true])
    #expect(broken.collectors.map(\.errors) == [2, 0, 0])
    // What was read before stays until it is stale.
    #expect(broken.sockstat?.own()?.socketsUsed == 7)
    #expect(broken.process?.groups.count == 2)
    #expect(events.all == ["failed sockstat: net/sockstat: line 1: cannot read used"])
    try Data("sockets: used 8\n".utf8).write(to: file)
    let mended = await sampler.sample()
    #expect(mended.sockstat?.own()?.socketsUsed == 8)
    #expect(mended.collectors[0].succeeded)
    #expect(events.all.last == "recovered sockstat")
    #expect(events.all.count == 2)
  }

  @Test func oneOddProcessDoesNotDecideForTheHost() async throws {
    let root = try makeHost()
    defer { try? FileManager.default.removeItem(at: root) }
    // Its descriptors cannot be listed, but it is known and alive.
    try FileManager.default.removeItem(at: root.appending(path: "31/fd"))
    try Data().write(to: root.appending(path: "31/fd"))
    let events = Events()
    let sampler = try sampler(root, events)
    let odd = await sampler.sample()
    #expect(odd.process?.unreadable == 1)
    #expect(odd.process?.groups.map(\.instances) == [1, 2])
    #expect(odd.process?.groups.map(\.readable) == [1, 1])
    #expect(odd.process?.groups.map(\.socketDescriptors.sum) == [1, 3])
    #expect(odd.zombie?.total == 1)
    // Nothing is known of it now, so it might be a zombie.
    try Data("31 (web".utf8).write(to: root.appending(path: "31/stat"))
    let unknown = await sampler.sample()
    #expect(unknown.process?.unreadable == 1)
    #expect(unknown.process?.groups.map(\.instances) == [1, 1])
    #expect(unknown.zombie?.processes == 5)
    #expect(unknown.zombie?.total == nil)
    #expect(unknown.zombie?.children.isEmpty == true)
    #expect(events.all.isEmpty)
  }

  @Test func aMissingProcFilesystemIsNamed() throws {
    #expect {
      _ = try Sampler(Sampler.Configuration(procfsPath: "/nonexistent/proc")) { _ in }
    } throws: { "\($0)".contains("/nonexistent/proc: No such file or directory") }
  }
}
