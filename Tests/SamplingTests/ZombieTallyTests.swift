import SocketModel
import Testing

@testable import Sampling

struct ZombieTallyTests {
  private func fold(
    _ zombies: [(String, Zombies.ChildSignal, age: Double)], maxGroups: Int
  ) -> Zombies {
    var tally = ZombieTally()
    for (name, childSignal, age) in zombies {
      tally.add(.init(name: name, childSignal: childSignal), ageSeconds: age)
    }
    var folded = Zombies()
    tally.fold(into: &folded, maxGroups: maxGroups)
    return folded
  }

  @Test func countsByNameAndDisposition() {
    let folded = fold(
      [
        ("b", .caught, 5), ("a", .default, 1), ("b", .default, 70), ("b", .caught, 3),
        ("a", .default, 2),
      ], maxGroups: 10)
    #expect(
      folded.children == [
        .init(parent: "a", childSignal: .default, count: 2),
        .init(parent: "b", childSignal: .default, count: 1),
        .init(parent: "b", childSignal: .caught, count: 2),
      ])
    #expect(folded.foldedParents == 0)
    // The oldest of a name, whatever its parents do with SIGCHLD.
    #expect(
      folded.oldest == [.init(parent: "a", seconds: 2), .init(parent: "b", seconds: 70)])
  }

  @Test func sumsTheRestByDisposition() {
    var zombies: [(String, Zombies.ChildSignal, age: Double)] = []
    for (name, signal, count) in [
      ("a", Zombies.ChildSignal.default, 1), ("b", .default, 9), ("c", .caught, 2),
      ("d", .default, 3),
    ] {
      for age in 0..<count { zombies.append((name, signal, age: Double(age * 10))) }
    }
    let folded = fold(zombies, maxGroups: 1)
    #expect(
      folded.children == [
        .init(parent: "b", childSignal: .default, count: 9),
        .init(parent: "other", childSignal: .default, count: 4),
        .init(parent: "other", childSignal: .caught, count: 2),
      ])
    #expect(
      folded.oldest == [.init(parent: "b", seconds: 80), .init(parent: "other", seconds: 20)])
    #expect(folded.foldedParents == 3)
    let all = fold(zombies, maxGroups: 0)
    #expect(all.foldedParents == 4)
    #expect(all.children.map(\.parent) == ["other", "other"])
    #expect(all.children.map(\.count) == [13, 2])
    #expect(all.oldest == [.init(parent: "other", seconds: 80)])
  }

  @Test func equalsStayInTheOrderOfTheirNames() {
    let folded = fold(
      [("c", .default, 0), ("a", .default, 0), ("b", .default, 0)], maxGroups: 2)
    #expect(folded.children.map(\.parent) == ["a", "b", "other"])
  }

  @Test func addsToAParentThatIsReallyCalledOther() {
    let folded = fold(
      [("other", .default, 7), ("other", .default, 1), ("a", .default, 9)], maxGroups: 1)
    #expect(folded.children == [.init(parent: "other", childSignal: .default, count: 3)])
    #expect(folded.oldest == [.init(parent: "other", seconds: 9)])
    #expect(folded.foldedParents == 1)
  }

  @Test func nobodyIsNobody() {
    #expect(fold([], maxGroups: 3) == Zombies())
  }
}
