internal import SocketModel

extension Listeners {
  /// The owner of a listener that no process is seen to hold.
  private static let unknownOwner = "unknown"
  /// What stands in the place of the address, the port and the owner of those that are summed up.
  private static let foldedName = ProcessSockets.foldedName
  /// Listeners, and ports, with series of their own.
  private static let cap = 250

  /// Puts together the sockets that listen for the same group on the same address and port, and
  /// bounds the result: who has connections waiting stays, then the lower port.
  /// - Parameter owners: the group that holds a socket, by inode.
  init(_ tables: TCPTables, owners: [UInt32: String]) {
    self.init()
    struct Key: Hashable {
      var address: IPAddress
      var port: UInt16
      var owner: String
    }
    var byKey: [Key: Listener] = [:]
    for socket in tables.listeners {
      let owner = owners[socket.inode] ?? Self.unknownOwner
      let key = Key(address: socket.address, port: socket.port, owner: owner)
      byKey[
        key,
        default: Listener(
          address: "", port: socket.port, process: owner, acceptQueue: 0, acceptQueueLimit: nil)
      ]
      .add(queue: UInt64(socket.acceptQueue), limit: socket.acceptQueueLimit)
    }
    listeners = byKey.map { key, listener in
      var listener = listener
      listener.address = key.address.text
      return listener
    }
    if listeners.count > Self.cap {
      listeners.sort { left, right in
        if left.acceptQueue != right.acceptQueue { return left.acceptQueue > right.acceptQueue }
        return left.order < right.order
      }
      var folded = Listener(
        address: Self.foldedName, port: nil, process: Self.foldedName, acceptQueue: 0,
        acceptQueueLimit: nil)
      for listener in listeners[Self.cap...] {
        folded.add(queue: listener.acceptQueue, limit: listener.acceptQueueLimit)
      }
      foldedListeners = UInt64(listeners.count - Self.cap)
      listeners.removeSubrange(Self.cap...)
      listeners.append(folded)
    }
    listeners.sort { $0.order < $1.order }
    ports = tables.ports
    boundPorts()
  }

  /// The ports with most sockets stay.
  private mutating func boundPorts() {
    guard ports.count > Self.cap else { return }
    let ranked = ports.sorted { $0.sockets.sum > $1.sockets.sum }
    var folded = Port(number: nil, sockets: TCPStateCounts())
    for port in ranked[Self.cap...] { folded.sockets += port.sockets }
    foldedPorts = UInt64(ranked.count - Self.cap)
    ports = ranked[..<Self.cap].sorted { ($0.number ?? 0) < ($1.number ?? 0) } + [folded]
  }
}

extension Listeners.Listener {
  fileprivate mutating func add(queue: UInt64, limit: UInt64?) {
    acceptQueue += queue
    if let limit { acceptQueueLimit = (acceptQueueLimit ?? 0) + limit }
  }

  /// By port, the one without a port last, then by address and process.
  fileprivate var order: (Int, String, String) {
    (port.map(Int.init) ?? Int.max, address, process)
  }
}
