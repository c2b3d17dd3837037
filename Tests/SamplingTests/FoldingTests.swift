import SocketModel
import Testing

@testable import Sampling

struct FoldingTests {
  private func walk(_ groups: [(name: String, sockets: UInt64)]) -> ProcessWalk {
    var walk = ProcessWalk()
    for (offset, entry) in groups.enumerated() {
      var group = ProcessSockets.Group(name: entry.name)
      group.instances = 1
      group.readable = 1
      group.socketDescriptors[.other] = entry.sockets
      group.openDescriptors = entry.sockets + 3
      walk.groups.append(group)
      if entry.sockets > 0 {
        walk.holders.append(
          .init(pid: Int32(offset + 1), name: entry.name, count: entry.sockets))
      }
    }
    return walk
  }

  @Test func keepsThoseThatHoldMostAndSumsTheRest() {
    let folded = ProcessSockets(
      walk([("d", 1), ("a", 5), ("b", 9), ("c", 0), ("e", 7)]), maxGroups: 2, top: 0)
    #expect(folded.groups.map(\.name) == ["b", "e", "other"])
    #expect(folded.groups.map(\.socketDescriptors.sum) == [9, 7, 6])
    #expect(folded.groups.map(\.instances) == [1, 1, 3])
    #expect(folded.groups.map(\.openDescriptors) == [12, 10, 15])
    #expect(folded.foldedGroups == 3)
    #expect(folded.topSocketDescriptors.isEmpty)
  }

  @Test func foldsNothingWithinTheCap() {
    let folded = ProcessSockets(walk([("b", 1), ("a", 2)]), maxGroups: 2, top: 5)
    #expect(folded.groups.map(\.name) == ["a", "b"])
    #expect(folded.foldedGroups == 0)
  }

  @Test func addsToAProgramThatIsReallyCalledOther() {
    let folded = ProcessSockets(
      walk([("other", 8), ("a", 5), ("b", 1)]), maxGroups: 2, top: 0)
    #expect(folded.groups.map(\.name) == ["a", "other"])
    #expect(folded.groups.map(\.socketDescriptors.sum) == [5, 9])
    #expect(folded.foldedGroups == 1)
  }

  @Test func namesTheProcessesThatHoldMostLowestPidFirst() {
    let folded = ProcessSockets(
      walk([("a", 5), ("b", 9), ("c", 0), ("d", 9)]), maxGroups: 10, top: 3)
    #expect(folded.topSocketDescriptors.map(\.pid) == [2, 4, 1])
    #expect(folded.topSocketDescriptors.map(\.count) == [9, 9, 5])
  }

  @Test func foldsParentsOfZombies() {
    let children: [Zombies.Parent: UInt64] = [
      .init(name: "a", childSignal: .default): 1, .init(name: "b", childSignal: .default): 9,
      .init(name: "c", childSignal: .caught): 2, .init(name: "d", childSignal: .default): 3,
    ]
    let folded = Zombies.fold(children, maxGroups: 1)
    #expect(
      folded == [
        .init(parent: "b", childSignal: .default, count: 9),
        .init(parent: "other", childSignal: .default, count: 4),
        .init(parent: "other", childSignal: .caught, count: 2),
      ])
  }
}
