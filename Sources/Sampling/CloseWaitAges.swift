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
    var cookie: UInt64
    var namespace: UInt64

    static func < (left: Self, right: Self) -> Bool {
      (left.cookie, left.namespace) < (right.cookie, right.namespace)
    }
  }

  private var seen = FirstSeen<Key>()

  /// Takes the sockets that are there now.
  /// - Parameter now: seconds, by a clock that nobody sets.
  /// - Returns: those that a process holds, each inode once, with the age of its oldest socket (the
  ///   subflows of a connection share an inode), ordered by inode.
  mutating func update(_ readings: [NamespaceReading], now: Double) -> [Socket] {
    var keys: [Key] = []
    var initialAges: [UInt64: Double] = [:]
    for reading in readings {
      for socket in reading.tables?.closeWait ?? [] {
        keys.append(Key(cookie: socket.key, namespace: reading.inode ?? 0))
      }
      initialAges.merge(reading.closeWaitAges) { max($0, $1) }
    }
    seen.update(keys, now: now) { initialAges[$0.cookie] ?? 0 }

    var sockets: [Socket] = []
    var index = 0
    for socket in readings.lazy.compactMap(\.tables).flatMap(\.closeWait) {
      let since = seen.since(keys[index]) ?? now
      index += 1
      // One that waits for accept(2) has an age, and nobody who holds it yet.
      if socket.inode == 0 { continue }
      let age = max(((now - since) * 1000).rounded() / 1000, 0)
      sockets.append(Socket(inode: socket.inode, ageSeconds: age))
    }
    sockets.sort { ($0.inode, $1.ageSeconds) < ($1.inode, $0.ageSeconds) }
    var count = 0
    for socket in sockets where count == 0 || sockets[count - 1].inode != socket.inode {
      sockets[count] = socket
      count += 1
    }
    sockets.removeSubrange(count...)
    return sockets
  }
}
