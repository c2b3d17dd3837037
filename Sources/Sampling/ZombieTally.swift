internal import SocketModel

/// Zombies counted by what their parents have in common.
struct ZombieTally {
  private var counts: [Zombies.Parent: UInt64] = [:]
  /// The age of the oldest under the parents of one name, seconds.
  private var oldest: [String: Double] = [:]

  mutating func add(_ parent: Zombies.Parent, ageSeconds: Double) {
    counts[parent, default: 0] += 1
    oldest[parent.name] = max(oldest[parent.name] ?? 0, ageSeconds)
  }

  /// Bounds and orders what was found: parents with most zombies stay, the others are summed by what
  /// they do with SIGCHLD.
  func fold(into zombies: inout Zombies, maxGroups: Int) {
    let ranked = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    var kept = Dictionary(uniqueKeysWithValues: ranked.prefix(maxGroups).map { ($0.key, $0.value) })
    for (parent, count) in ranked.dropFirst(maxGroups) {
      let other = Zombies.Parent(
        name: ProcessSockets.foldedName, childSignal: parent.childSignal)
      kept[other, default: 0] += count
    }
    zombies.foldedParents = UInt64(max(ranked.count - maxGroups, 0))
    zombies.children = kept.sorted { $0.key < $1.key }.map {
      Zombies.Children(parent: $0.key.name, childSignal: $0.key.childSignal, count: $0.value)
    }
    let names = Set(kept.keys.map(\.name))
    var ages: [String: Double] = [:]
    for (name, age) in oldest {
      let shown = names.contains(name) ? name : ProcessSockets.foldedName
      ages[shown] = max(ages[shown] ?? 0, age)
    }
    zombies.oldest = ages.sorted { $0.key < $1.key }.map {
      Zombies.Oldest(parent: $0.key, seconds: $0.value)
    }
  }
}

extension Zombies {
  /// The name of a parent that cannot be seen.
  static let unknownParent = "unknown"

  /// What the parents of some zombies have in common.
  struct Parent: Hashable, Comparable {
    var name: String
    var childSignal: ChildSignal

    static func < (left: Self, right: Self) -> Bool {
      (left.name, left.childSignal.rawValue) < (right.name, right.childSignal.rawValue)
    }
  }
}
