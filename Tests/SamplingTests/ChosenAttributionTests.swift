import Glibc
import LinuxIO
import ProcFS
import SocketIterators
import SocketModel
import Synchronization
import TestSupport
import Testing

@testable import Sampling

/// Which way of attribution is taken, and what happens when it ends.
struct ChosenAttributionTests {
  /// What was reported.
  private final class Events: Sendable {
    private let kept = Mutex<[String]>([])

    var all: [String] { kept.withLock { $0 } }

    func add(_ event: Sampler.Event) {
      let text =
        switch event {
        case .iteratorUnavailable(let error): "unavailable: \(error)"
        case .iteratorFailed(let error): "failed: \(error)"
        default: "\(event)"
        }
      kept.withLock { $0.append(text) }
    }
  }

  private struct Refusal: Error, CustomStringConvertible {
    let description = "no such thing here"
  }

  /// An iterator of which each pass fails: what it begins from is no link to a program.
  private static func brokenIterator() -> SocketIterator {
    SocketIterator(
      adopting: FileDescriptor(adopting: open("/dev/null", O_RDONLY | O_CLOEXEC)))
  }

  private func attribution(
    _ events: Events, _ backend: BackendChoice = .auto,
    _ collectors: Set<Collector> = Set(Collector.allCases), path: String = "/proc",
    makeIterator: () throws -> SocketIterator
  ) throws -> ChosenAttribution {
    try ChosenAttribution(
      .init(collectors: collectors, procfsPath: path, backend: backend),
      report: { events.add($0) }, makeIterator: makeIterator)
  }

  @Test func whatFailsWhileItRunsIsReplacedInTheSameWalk() throws {
    let socket = try LiveSocket(AF_INET)
    let events = Events()
    let attribution = try self.attribution(events) { Self.brokenIterator() }
    #expect(attribution.usesIterator)
    #expect(!attribution.needsTables)
    #expect(events.all.isEmpty)

    // Who the processes are it tells without a pass.
    #expect(try !attribution.walk(.states, thresholds: 0) { _ in false }.namespaces.isEmpty)
    #expect(attribution.usesIterator)

    for _ in 0..<2 {
      var walk = try attribution.walk(.descriptors, thresholds: 0) { _ in false }
      #expect(!attribution.usesIterator)
      #expect(attribution.needsTables)
      let member = try #require(walk.members.firstIndex { $0.pid == getpid() })
      let name = walk.groups[walk.members[member].group].name
      #expect(attribution.groupName(of: getpid()) == name)
      var holders: [Int] = []
      // A child that another test starts holds a copy until it executes its program.
      attribution.forEachHolder(of: socket.inode) { holder in
        if walk.members[holder].pid == getpid() { holders.append(holder) }
      }
      #expect(holders == [member])
      attribution.add(inode: socket.inode, .init(.tcp, state: .established))
      attribution.finish(&walk) { _ in true }
      #expect(walk.groups[walk.members[member].group].tcpSockets[.established] == 1)
      attribution.release()
    }
    #expect(events.all.count == 1)
    #expect(events.all[0].hasPrefix("failed: bpf: "))
  }

  @Test func evenWhereItWasAskedForTheSampleGoesOn() throws {
    let events = Events()
    let attribution = try self.attribution(events, .bpf) { Self.brokenIterator() }
    _ = try attribution.walk(.descriptors, thresholds: 0) { _ in false }
    #expect(!attribution.usesIterator)
    #expect(events.all.count == 1)
  }

  @Test func whatCannotBeHadIsReportedOnceOrIsAnError() throws {
    let events = Events()
    let automatic = try attribution(events) { throw Refusal() }
    #expect(!automatic.usesIterator)
    for _ in 0..<2 { _ = try automatic.walk(.descriptors, thresholds: 0) { _ in false } }
    #expect(events.all == ["unavailable: no such thing here"])

    let error = #expect(throws: BackendUnavailable.self) {
      _ = try attribution(events, .bpf) { throw Refusal() }
    }
    #expect(error?.description == "no such thing here")
    #expect(events.all.count == 1)
  }

  @Test func withoutNeedNothingIsLoaded() throws {
    let events = Events()
    for (backend, collectors) in [
      (BackendChoice.procfs, Set(Collector.allCases)),
      (.auto, Set(Collector.allCases).subtracting([.process])),
      (.bpf, [.tcp, .zombie]),
    ] {
      let attribution = try self.attribution(events, backend, collectors) {
        Issue.record("it was made")
        throw Refusal()
      }
      #expect(!attribution.usesIterator)
    }
    #expect(events.all.isEmpty)
  }

  /// Plain files tell of processes that the kernel knows nothing of.
  @Test func whereProcIsNotTheKernelsOwnItIsRead() throws {
    let host = try PlainHost()
    try host.process(1, "init")
    let events = Events()
    let attribution = try self.attribution(events, path: host.path) {
      Issue.record("it was made")
      throw Refusal()
    }
    #expect(!attribution.usesIterator)
    #expect(events.all == ["unavailable: the proc filesystem shows another process namespace"])
  }
}
