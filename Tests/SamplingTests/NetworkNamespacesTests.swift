import Glibc
import LinuxIO
import SocketModel
import TestSupport
import Testing

@testable import Sampling

struct NetworkNamespacesTests {
  private func inode(_ path: String) throws -> UInt64 {
    try FileDescriptor.open(path).identity().inode
  }

  /// Namespaces that have no name on this host: numbers that the kernel gives to none.
  private let first: UInt64 = 101
  private let second: UInt64 = 102
  private let third: UInt64 = 103

  private func named(_ others: [NetworkNamespaces.Foreign]) -> [String] {
    // The live host may have some with names.
    others.filter { $0.inode < 1000 }.map { "\($0.inode) \($0.name)" }
  }

  @Test func containersNameNamespacesAndOthersHaveANumber() throws {
    var namespaces = NetworkNamespaces(procfsPath: "/nonexistent", leaves: false)
    let ownInode = namespaces.ownInode
    let own = try #require(ownInode)
    #expect(try own == inode("/proc/thread-self/ns/net"))
    var asked: [Int32] = []
    let containerID: (Int32) -> String? = { (pid) -> String? in
      asked.append(pid)
      return [
        11: "cafe01234567", 13: "cafe01234567", 21: "cafe01234567", 31: "beef01234567",
      ][pid]
    }
    namespaces.find([own: [10], first: [11], second: [12], third: [13]], containerID: containerID)
    // A container with two namespaces gives its name to one.
    #expect(named(namespaces.others) == ["101 cafe01234567", "102 ns-102", "103 ns-103"])
    #expect(namespaces.name(of: own) == nil)
    #expect(namespaces.name(of: first) == "cafe01234567")
    #expect(namespaces.name(of: second) == "ns-102")
    #expect(namespaces.name(of: 999) == "ns-999")
    #expect(Set(asked) == [11, 12, 13])

    // Other processes lead there now, and each is asked once; who comes beside one that was is not asked.
    asked = []
    for _ in 0..<2 {
      namespaces.find([first: [21], second: [22, 12]], containerID: containerID)
      #expect(named(namespaces.others) == ["101 cafe01234567", "102 ns-102"])
    }
    namespaces.find([first: [5, 21], second: [22, 12]], containerID: containerID)
    #expect(named(namespaces.others) == ["101 cafe01234567", "102 ns-102"])
    #expect(asked.sorted() == [21, 22])
    // The number is another container's.
    namespaces.find([first: [31]], containerID: containerID)
    #expect(named(namespaces.others) == ["101 beef01234567"])
    // Who is gone is forgotten.
    namespaces.find([:], containerID: containerID)
    namespaces.find([first: [12]], containerID: containerID)
    #expect(named(namespaces.others) == ["101 ns-101"])
  }

  @Test func plainFilesAreNoNames() throws {
    let host = try PlainHost()
    try host.write("1/root/run/netns/blue", "")
    try host.write("1/root/run/netns/azure", "")
    let blue = try inode(host.path + "/1/root/run/netns/blue")
    let azure = try inode(host.path + "/1/root/run/netns/azure")
    // The number of neither file.
    let other = max(blue, azure) + 1
    var namespaces = NetworkNamespaces(procfsPath: host.path, leaves: false)
    namespaces.find([blue: [5], azure: [6], other: [7]]) { _ in nil }
    #expect(namespaces.name(of: blue) == "ns-\(blue)")
    #expect(namespaces.name(of: azure) == "ns-\(azure)")
    #expect(namespaces.name(of: other) == "ns-\(other)")
    let names = namespaces.others.map(\.name)
    #expect(names == names.sorted())
  }

  @Test(.enabled(if: TestHost.isAvailable, "needs root, and namespaces"))
  func entersAnotherNamespaceAndComesHome() async throws {
    try await TestHost.run { host in
      let child = try host.start(["sleep", "60"])
      var namespaces = NetworkNamespaces(procfsPath: "/proc", leaves: true)
      let ownInode = namespaces.ownInode
      let own = try #require(ownInode)
      let other = try inode("/proc/\(child.pid)/ns/net")
      #expect(other != own)
      namespaces.find([own: [getpid()], other: [1 << 30, getpid(), child.pid]]) { _ in nil }
      let foreign = try #require(namespaces.others.first { $0.inode == other })
      #expect(foreign.name == "ns-\(other)")

      var seen: UInt64?
      let sources = try HostSources(procfsPath: "/proc")
      var used: UInt64?
      try namespaces.inside(foreign) {
        seen = try? inode("/proc/thread-self/ns/net")
        sources.isAway = true
        used = try? sources.sockstat().socketsUsed
      }
      #expect(seen == other)
      // Nothing has a socket there.
      #expect(used == 0)
      #expect(try inode("/proc/thread-self/ns/net") == own)
      let isHome = namespaces.returnHome()
      #expect(isHome)

      // The process ends, its id may be another one's: the inode tells.
      namespaces.find([own + 1_000_000: [getpid()]]) { _ in nil }
      let mistaken = try #require(namespaces.others.first { $0.inode == own + 1_000_000 })
      var entered = false
      do throws(NetworkNamespaces.Refusal) {
        try namespaces.inside(mistaken) { entered = true }
        Issue.record("it is no such namespace")
      } catch {
        #expect(error.isVanished)
      }
      #expect(!entered)
      #expect(try inode("/proc/thread-self/ns/net") == own)
    }
  }

  @Test func aNamespaceWithoutProcessesIsNoMore() throws {
    var namespaces = NetworkNamespaces(procfsPath: "/nonexistent", leaves: false)
    namespaces.find([first: [1]]) { _ in nil }
    let foreign = try #require(namespaces.others.first { $0.inode == first })
    var entered = false
    // It has no process any more.
    do throws(NetworkNamespaces.Refusal) {
      try namespaces.inside(foreign) { entered = true }
      Issue.record("it is no more")
    } catch {
      #expect(error.isVanished)
    }
    #expect(!entered)
    let isHome = namespaces.returnHome()
    #expect(isHome)
  }
}

extension NetworkNamespaces.Refusal {
  fileprivate var isVanished: Bool { if case .vanished = self { true } else { false } }
}
