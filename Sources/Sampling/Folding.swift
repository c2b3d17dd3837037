internal import SocketModel

extension ProcessSockets {
  /// Bounds what a walk found: the groups that hold most stay, the others are summed into one for each
  /// network namespace.
  /// - Parameter maxGroups: groups that keep their name, in all namespaces together.
  init(_ walk: ProcessWalk, maxGroups: Int) {
    self.init()
    unreadable = walk.unreadable
    groups = walk.groups
    if groups.count > maxGroups {
      groups.sort(by: Self.holdsMore)
      let overCap = Array(groups[maxGroups...])
      groups.removeSubrange(maxGroups...)
      foldedGroups = UInt64(overCap.count)
      // A program may be called like that, too; its series must not be written twice.
      var sums: [String?: Int] = [:]
      for (index, group) in groups.enumerated() where group.name == Self.foldedName {
        sums[group.namespace] = index
      }
      for group in overCap {
        if let index = sums[group.namespace] {
          groups[index].add(group)
        } else {
          sums[group.namespace] = groups.count
          var sum = group
          sum.name = Self.foldedName
          groups.append(sum)
        }
      }
    }
    groups.sort { ($0.namespace ?? "", $0.name) < ($1.namespace ?? "", $1.name) }
  }

  private static func holdsMore(_ left: Group, _ right: Group) -> Bool {
    (right.socketDescriptors.sum, right.openDescriptors, left.namespace ?? "", left.name)
      < (left.socketDescriptors.sum, left.openDescriptors, right.namespace ?? "", right.name)
  }
}

extension ProcessWalk {
  /// The members that hold most of something, most first; none that holds nothing.
  /// - Parameter held: how much the member at a place holds.
  func holdersOfMost(_ count: Int, _ held: (Int) -> UInt64) -> [ProcessSockets.Holder] {
    if count == 0 { return [] }
    let ranked = members.indices.filter { held($0) > 0 }.sorted {
      (held($1), members[$0].pid) < (held($0), members[$1].pid)
    }
    return ranked.prefix(count).map { index in
      let group = groups[members[index].group]
      return ProcessSockets.Holder(
        pid: members[index].pid, name: group.name, namespace: group.namespace, count: held(index))
    }
  }
}
