import SocketModel
import Testing

@testable import Sampling

struct FoldingTests {
  private func walk(
    _ groups: [(name: String, sockets: UInt64)], in namespace: String? = nil
  ) -> ProcessWalk {
    var walk = ProcessWalk()
    for (offset, entry) in groups.enumerated() {
      var group = ProcessSockets.Group(name: entry.name, namespace: namespace, thresholds: 2)
      group.instances = 1
      group.readable = 1
      group.socketDescriptors[.other] = entry.sockets
      group.openDescriptors = entry.sockets + 3
      group.closeWaitAged = [entry.sockets, 1]
      walk.groups.append(group)
      walk.members.append(
        .init(
          pid: Int32(offset + 1), thread: Int32(offset + 1), group: offset,
          socketDescriptors: entry.sockets))
    }
    return walk
  }

  @Test func keepsThoseThatHoldMostAndSumsTheRest() {
    let folded = ProcessSockets(
      walk([("d", 1), ("a", 5), ("b", 9), ("c", 0), ("e", 7)]), maxGroups: 2)
    #expect(folded.groups.map(\.name) == ["b", "e", "other"])
    #expect(folded.groups.map(\.socketDescriptors.sum) == [9, 7, 6])
    #expect(folded.groups.map(\.instances) == [1, 1, 3])
    #expect(folded.groups.map(\.openDescriptors) == [12, 10, 15])
    #expect(folded.groups.map(\.closeWaitAged) == [[9, 1], [7, 1], [6, 3]])
    #expect(folded.foldedGroups == 3)
  }

  @Test func foldsNothingWithinTheCap() {
    let folded = ProcessSockets(walk([("b", 1), ("a", 2)]), maxGroups: 2)
    #expect(folded.groups.map(\.name) == ["a", "b"])
    #expect(folded.foldedGroups == 0)
  }

  @Test func foldsEverythingWhereNothingMayStay() {
    let folded = ProcessSockets(walk([("b", 1), ("a", 2)]), maxGroups: 0)
    #expect(folded.groups.map(\.name) == ["other"])
    #expect(folded.foldedGroups == 2)
    #expect(ProcessSockets(ProcessWalk(), maxGroups: 0).groups.isEmpty)
  }

  @Test func addsToAProgramThatIsReallyCalledOther() {
    let folded = ProcessSockets(walk([("other", 8), ("a", 5), ("b", 1)]), maxGroups: 2)
    #expect(folded.groups.map(\.name) == ["a", "other"])
    #expect(folded.groups.map(\.socketDescriptors.sum) == [5, 9])
    #expect(folded.foldedGroups == 1)
  }

  @Test func aNamesakeInAnotherNamespaceIsNotTheSumOfAll() {
    var both = walk([("other", 8)], in: "blue")
    both.groups += walk([("a", 5), ("b", 1)]).groups
    let folded = ProcessSockets(both, maxGroups: 1)
    #expect(folded.groups.map(\.namespace) == [nil, "blue"])
    #expect(folded.groups.map(\.name) == ["other", "other"])
    #expect(folded.groups.map(\.socketDescriptors.sum) == [6, 8])
  }

  @Test func sumsEachNamespaceForItself() {
    var all = walk([("a", 9), ("b", 2), ("c", 1)])
    all.groups += walk([("a", 8), ("other", 7), ("b", 3)], in: "blue").groups
    all.groups += walk([("a", 4), ("b", 3)], in: "green").groups
    all.groups += walk([("a", 6)], in: "red").groups
    // The cap is one for all of them.
    let folded = ProcessSockets(all, maxGroups: 4)
    let names = folded.groups.map { "\($0.namespace ?? "-") \($0.name)" }
    #expect(
      names == ["- a", "- other", "blue a", "blue other", "green other", "red a"])
    #expect(folded.groups.map(\.socketDescriptors.sum) == [9, 3, 8, 10, 7, 6])
    #expect(folded.groups.map(\.instances) == [1, 2, 1, 2, 2, 1])
    let aged: [[UInt64]] = [[9, 1], [3, 2], [8, 1], [10, 2], [7, 2], [6, 1]]
    #expect(folded.groups.map(\.closeWaitAged) == aged)
    #expect(folded.foldedGroups == 5)
  }

  @Test func ordersByNamespaceTheOwnFirst() {
    var all = walk([("b", 1), ("a", 1)], in: "green")
    all.groups += walk([("c", 1)], in: "blue").groups + walk([("z", 1)]).groups
    let folded = ProcessSockets(all, maxGroups: 10)
    #expect(folded.groups.map(\.name) == ["z", "c", "a", "b"])
  }

  @Test func namesTheProcessesThatHoldMostLowestPidFirst() {
    let walk = walk([("a", 5), ("b", 9), ("c", 0), ("d", 9)], in: "blue")
    let held = { walk.members[$0].socketDescriptors }
    let most = walk.holdersOfMost(3, held)
    #expect(most.map(\.pid) == [2, 4, 1])
    #expect(most.map(\.name) == ["b", "d", "a"])
    #expect(most.map(\.namespace) == ["blue", "blue", "blue"])
    #expect(most.map(\.count) == [9, 9, 5])
    #expect(walk.holdersOfMost(10, held).count == 3)
    #expect(walk.holdersOfMost(0, held).isEmpty)
  }
}
