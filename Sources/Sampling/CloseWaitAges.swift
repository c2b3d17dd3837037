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
  private struct Key: Comparable {
    /// That of `CloseWaitSocket`.
    var socket: UInt64
    var namespace: UInt64
    /// Goes along; the same key may have another one, as when a socket is accepted.
    var inode: UInt32

    static func == (left: Self, right: Self) -> Bool {
      (left.socket, left.namespace) == (right.socket, right.namespace)
    }

    static func < (left: Self, right: Self) -> Bool {
      (left.socket, left.namespace) < (right.socket, right.namespace)
    }
  }

  private var seen = FirstSeen<Key>()
  /// Those that waited for accept(2) when the tables were read last: they have an age, and nobody who
  /// holds them yet.
  private var waiting: [Key] = []
  private var last = Update(sockets: [], at: 0)

  /// What an update returned, and when.
  private struct Update {
    let sockets: [Socket]
    let at: Double

    /// The age of a socket that may be known by another key now: the kernel makes a cookie when it is
    /// asked, and not every source tells it. 0 where it was not known.
    func age(ofInode inode: UInt32, now: Double) -> Double {
      var low = 0
      var high = sockets.count
      while low < high {
        let middle = (low + high) >> 1
        if sockets[middle].inode < inode { low = middle + 1 } else { high = middle }
      }
      guard low < sockets.count, sockets[low].inode == inode else { return 0 }
      return sockets[low].ageSeconds + now - at
    }
  }

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
    for (namespace, sockets) in sockets {
      for socket in sockets {
        keys.append(Key(socket: socket.key, namespace: namespace, inode: socket.inode))
      }
    }
    if includesWaiting { waiting = keys.filter { $0.inode == 0 } }
    let last = last
    seen.update(includesWaiting ? keys : keys + waiting, now: now) { key in
      max(initialAges[key.socket] ?? 0, last.age(ofInode: key.inode, now: now))
    }

    var sockets: [Socket] = []
    for key in keys where key.inode != 0 {
      let since = seen.since(key) ?? now
      let age = max(((now - since) * 1000).rounded() / 1000, 0)
      sockets.append(Socket(inode: key.inode, ageSeconds: age))
    }
    sockets.sort { ($0.inode, $1.ageSeconds) < ($1.inode, $0.ageSeconds) }
    var count = 0
    for socket in sockets where count == 0 || sockets[count - 1].inode != socket.inode {
      sockets[count] = socket
      count += 1
    }
    sockets.removeSubrange(count...)
    self.last = Update(sockets: sockets, at: now)
    return sockets
  }
}
