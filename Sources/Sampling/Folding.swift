internal import SocketModel

extension ProcessSockets {
  /// Bounds what a walk found: the groups that hold most stay, the others are summed into one.
  /// - Parameters:
  ///   - maxGroups: groups that keep their name.
  ///   - top: processes to name.
  init(_ walk: ProcessWalk, maxGroups: Int, top count: Int) {
    self.init()
    unreadable = walk.unreadable
    groups = walk.groups
    if groups.count > maxGroups {
      groups.sort(by: Self.holdsMore)
      var folded = Group(name: Self.foldedName)
      for group in groups[maxGroups...] { folded.add(group) }
      foldedGroups = UInt64(groups.count - maxGroups)
      groups.removeSubrange(maxGroups...)
      // A program may be called like that, too; its series must not be written twice.
      if let namesake = groups.firstIndex(where: { $0.name == Self.foldedName }) {
        groups[namesake].add(folded)
      } else {
        groups.append(folded)
      }
    }
    groups.sort { $0.name < $1.name }
    topSocketDescriptors = Array(
      walk.holders.sorted {
        ($1.count, $0.pid) < ($0.count, $1.pid)
      }.prefix(count))
  }

  private static func holdsMore(_ left: Group, _ right: Group) -> Bool {
    (right.socketDescriptors.sum, right.openDescriptors, left.name)
      < (left.socketDescriptors.sum, left.openDescriptors, right.name)
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

  /// Bounds and orders what was found: parents with most zombies stay, the others are summed by what
  /// they do with SIGCHLD.
  static func fold(_ counts: [Parent: UInt64], maxGroups: Int) -> [Children] {
    let ranked = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    var kept = Dictionary(uniqueKeysWithValues: ranked.prefix(maxGroups).map { ($0.key, $0.value) })
    for (parent, count) in ranked.dropFirst(maxGroups) {
      let other = Parent(name: ProcessSockets.foldedName, childSignal: parent.childSignal)
      kept[other, default: 0] += count
    }
    return kept.sorted { $0.key < $1.key }.map {
      Children(parent: $0.key.name, childSignal: $0.key.childSignal, count: $0.value)
    }
  }
}
