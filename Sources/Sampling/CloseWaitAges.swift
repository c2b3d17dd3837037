internal import SocketModel

/// For how long sockets have been in CLOSE_WAIT: since the sample that saw them there first, or, where
/// the exporter came later, since their peers were last heard of.
struct CloseWaitAges {
  /// A socket that a process holds.
  struct Socket {
    var inode: UInt32
    var ageSeconds: Double
  }

  /// Old kernels count cookies by network namespace.
  private struct Key: Comparable, Hashable {
    /// That of `CloseWaitSocket`.
    var socket: UInt64
    var namespace: UInt64

    static func < (left: Self, right: Self) -> Bool {
      (left.socket, left.namespace) < (right.socket, right.namespace)
    }
  }

  private var seen = FirstSeen<Key>()
  /// Those that waited for accept(2) when the tables were read last: they have an age, and nobody who
  /// holds them yet.
  private var waiting: [Key] = []

  /// Takes the sockets that are there now.
  /// - Parameters:
  ///   - sockets: by the inode of their network namespace.
  ///   - initialAges: of sockets that were there before they could be seen, by cookie; seconds.
  ///   - includesWaiting: whether those that wait for accept(2) are among them. Where not, those of
  ///     the last time are taken to be there still.
  ///   - now: seconds, by a clock that nobody sets.
  /// - Returns: those that a process holds, each inode once, with the age of its oldest socket (the
  ///   subflows of a connection share an inode), ordered by inode.
  mutating func update(
    _ sockets: [UInt64: [CloseWaitSocket]], initialAges: [UInt64: Double] = [:],
    includesWaiting: Bool, now: Double
  ) -> [Socket] {
    var keys: [Key] = []
    var inodes: [UInt32] = []
    for (namespace, sockets) in sockets {
      for socket in sockets {
        keys.append(Key(socket: socket.key, namespace: namespace))
        inodes.append(socket.inode)
      }
    }
    let sinceByInode = whatWasKnownByInode(keys, inodes)
    if includesWaiting { waiting = zip(keys, inodes).filter { $0.1 == 0 }.map(\.0) }
    seen.update(includesWaiting ? keys : keys + waiting, now: now) { key in
      max(initialAges[key.socket] ?? 0, sinceByInode[key].map { now - $0 } ?? 0)
    }

    var held: [Socket] = []
    for (key, inode) in zip(keys, inodes) where inode != 0 {
      let since = seen.since(key) ?? now
      held.append(Socket(inode: inode, ageSeconds: max(((now - since) * 1000).rounded() / 1000, 0)))
    }
    held.sort { ($0.inode, $1.ageSeconds) < ($1.inode, $0.ageSeconds) }
    var count = 0
    for socket in held where count == 0 || held[count - 1].inode != socket.inode {
      held[count] = socket
      count += 1
    }
    held.removeSubrange(count...)
    return held
  }

  /// Since when those have been seen that had no cookie last time. The kernel makes one when it is
  /// asked, so a socket that has been met by its inode may have a cookie now.
  private func whatWasKnownByInode(_ keys: [Key], _ inodes: [UInt32]) -> [Key: Double] {
    var known: [Key: Double] = [:]
    // Inodes come after all cookies. Mostly there are none.
    guard let last = seen.last, last.socket >= CloseWaitSocket.key(ofInode: 0) else { return known }
    for (key, inode) in zip(keys, inodes) where inode != 0 {
      let byInode = Key(
        socket: CloseWaitSocket.key(ofInode: inode), namespace: key.namespace)
      if let since = seen.since(byInode) { known[key] = since }
    }
    return known
  }
}
