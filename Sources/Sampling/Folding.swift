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
    top = Array(
      walk.holders.sorted {
        ($1.socketDescriptors, $0.pid) < ($0.socketDescriptors, $1.pid)
      }.prefix(count))
  }

  private static func holdsMore(_ left: Group, _ right: Group) -> Bool {
    (right.socketDescriptors, right.openDescriptors, left.name)
      < (left.socketDescriptors, left.openDescriptors, right.name)
  }
}

extension Zombies {
  /// The name of a parent that cannot be seen.
  static let unknownParent = "unknown"

  /// Bounds and orders what was found: parents with most zombies stay, the others are summed by what
  /// they do with SIGCHLD.
  static func fold(_ all: [Children], maxGroups: Int) -> [Children] {
    let ranked = all.sorted {
      ($1.count, $0.parent, $0.childSignal.rawValue) < (
        $0.count, $1.parent, $1.childSignal.rawValue
      )
    }
    var kept = Array(ranked.prefix(maxGroups))
    for children in ranked.dropFirst(maxGroups) {
      add(
        Children(
          parent: ProcessSockets.foldedName, childSignal: children.childSignal,
          count: children.count), to: &kept)
    }
    return kept.sorted {
      ($0.parent, $0.childSignal.rawValue) < ($1.parent, $1.childSignal.rawValue)
    }
  }

  /// Adds zombies to those of the same parents and disposition.
  static func add(_ more: Children, to children: inout [Children]) {
    let same = children.firstIndex {
      $0.parent == more.parent && $0.childSignal == more.childSignal
    }
    if let same {
      children[same].count += more.count
    } else {
      children.append(more)
    }
  }
}
