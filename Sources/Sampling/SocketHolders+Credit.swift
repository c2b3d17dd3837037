internal import SocketModel

extension SocketHolders {
  /// Credits each socket to the groups that hold it.
  /// - Parameter unlistedKind: what a socket is that has no mark; nil where the descriptor no longer
  ///   leads to it.
  func credit(
    to walk: inout ProcessWalk, unlistedKind: (Holder, _ inode: UInt32) -> SocketKind?
  ) {
    // A local copy, for a closure may not capture an inout parameter that it changes.
    var result = walk
    walk = ProcessWalk()
    // The socket that each group was credited with last, so that none is credited twice.
    var creditedWith = [Int](repeating: -1, count: result.groups.count)
    var number = 0
    forEachSocket { inode, mark, holders in
      let isShared = holders.contains { $0.member != holders[0].member }
      for holder in holders {
        let group = result.members[holder.member].group
        guard let kind = mark.kind ?? unlistedKind(holder, inode) else {
          // It was closed after the walk, and so it counts nowhere.
          result.members[holder.member].socketDescriptors -= 1
          result.groups[group].openDescriptors -= 1
          continue
        }
        result.groups[group].socketDescriptors[kind] += 1
        if isShared { result.groups[group].sharedSocketDescriptors += 1 }
        if let state = mark.state, creditedWith[group] != number {
          creditedWith[group] = number
          result.groups[group].tcpSockets[state] += 1
        }
      }
      number += 1
    }
    walk = result
  }
}
