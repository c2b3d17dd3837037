internal import ProcFS
internal import SocketModel

/// What the TCP tables of one network namespace say, summed up row by row. Rows are not kept.
///
/// Listeners must come first, for what the other sockets of their ports count as depends on them.
struct TCPTables {
  struct Listener {
    var address: IPAddress
    var port: UInt16
    var acceptQueue: UInt32
    /// Nil where the source does not tell.
    var acceptQueueLimit: UInt64?
    var inode: UInt32
  }

  /// A socket in CLOSE_WAIT that a process holds.
  struct CloseWaitSocket {
    /// Stays the same as long as the socket lives: its cookie, or where the source has none, its
    /// inode with the highest bit set, which no cookie has.
    var key: UInt64
    var inode: UInt32
  }

  private(set) var tcp = TCPSockets()
  private(set) var listeners: [Listener] = []
  private(set) var closeWait: [CloseWaitSocket] = []
  /// The sockets of each port that somebody listens on, ordered by port; none before `close`.
  private(set) var ports: [Listeners.Port] = []
  /// The pairs of addresses that take most of the local ports that the kernel chooses, most first;
  /// none before `close`.
  private(set) var worstPortUses: [EphemeralPorts.Use] = []
  private var portUses = PortUses()
  /// The sockets of each port that somebody listens on.
  private var portSockets: [TCPStateCounts] = []
  /// For each port, its place in `portSockets` plus one.
  private var portPlaces: [UInt16] = []
  private let localPorts: LocalPorts?

  /// How many pairs of addresses to name.
  private static let worstPairs = 10

  /// - Parameters:
  ///   - readsListeners: whether to count the sockets of each listener's port.
  ///   - localPorts: the ports the kernel chooses from; nil where their use is not asked for.
  init(readsListeners: Bool, localPorts: LocalPorts?) {
    self.localPorts = localPorts
    // Whether a port is listened on is asked of outgoing connections as well.
    if readsListeners || localPorts != nil {
      portPlaces = Array(repeating: 0, count: 1 << 16)
    }
  }

  mutating func add(_ socket: InternetSocket) {
    guard let state = TCPState(kernelNumber: socket.state) else { return }
    tcp.counts[state, socket.family] += 1
    if state == .listen {
      addListener(socket)
      return
    }
    tcp.queueBytes[socket.family.rawValue].receive += UInt64(socket.receiveQueue)
    tcp.queueBytes[socket.family.rawValue].send += UInt64(socket.sendQueue)
    switch InternetSocket.Timer(rawValue: socket.timer) {
    case .retransmit: tcp.retransmitting += 1
    case .keepalive: tcp.keepingAlive += 1
    case .probe: tcp.probing += 1
    case .timeWait, .some(.none), nil: break
    }
    if state == .closeWait, socket.inode != 0 {
      let key = socket.cookie != 0 ? socket.cookie : UInt64(socket.inode) | 1 << 63
      closeWait.append(CloseWaitSocket(key: key, inode: socket.inode))
    }
    guard !portPlaces.isEmpty else { return }
    let place = portPlaces[Int(socket.localPort)]
    if place > 0 {
      portSockets[Int(place) - 1][state] += 1
    } else if let localPorts, localPorts.contains(socket.localPort) {
      // An IPv6 socket that talks IPv4 takes its port from the IPv4 sockets.
      portUses.add(
        from: socket.local.unmapped, to: socket.remote.unmapped, port: socket.remotePort)
    }
  }

  private mutating func addListener(_ socket: InternetSocket) {
    listeners.append(
      Listener(
        address: socket.local, port: socket.localPort, acceptQueue: socket.receiveQueue,
        // Without a cookie it comes from /proc/net, which has no limits.
        acceptQueueLimit: socket.cookie == 0 ? nil : UInt64(socket.sendQueue), inode: socket.inode))
    // Nobody listens on port 0. Were it counted, there would be one place more than `portPlaces` can
    // tell apart.
    guard !portPlaces.isEmpty, socket.localPort != 0 else { return }
    if portPlaces[Int(socket.localPort)] == 0 {
      portSockets.append(TCPStateCounts())
      portPlaces[Int(socket.localPort)] = UInt16(portSockets.count)
    }
    portSockets[Int(portPlaces[Int(socket.localPort)]) - 1][.listen] += 1
  }

  /// Ends the reading. What only helped with it is given back, for it is larger than what it found,
  /// and the tables of all namespaces are kept until the last has been read.
  mutating func close() {
    ports = portPlaces.indices.compactMap { port in
      let place = Int(portPlaces[port])
      guard place > 0 else { return nil }
      return Listeners.Port(number: UInt16(port), sockets: portSockets[place - 1])
    }
    worstPortUses = portUses.worst(Self.worstPairs)
    portPlaces = []
    portSockets = []
    portUses = PortUses()
  }
}

/// Counts the connections between each source address and destination in one pass and in bounded
/// memory.
///
/// At most `capacity` pairs are told apart, those met first. A pair that takes thousands of ports is
/// met among the first in any order, so what is left out has no part in the worst.
struct PortUses {
  struct Pair: Equatable {
    var source: IPAddress
    var destination: IPAddress
    var destinationPort: UInt16

    var hash: Int {
      var hash = source.high ^ source.low &* 0x9e37_79b9_7f4a_7c15
      hash = (hash ^ destination.high) &* 0x9e37_79b9_7f4a_7c15
      hash = (hash ^ hash >> 29 ^ destination.low) &* 0xbf58_476d_1ce4_e5b9
      hash = (hash ^ hash >> 32 ^ UInt64(destinationPort)) &* 0x9e37_79b9_7f4a_7c15
      return Int(truncatingIfNeeded: hash >> 33)
    }
  }

  static let capacity = 1 << 14

  private var pairs: [Pair] = []
  private var counts: [UInt32] = []
  /// Places in `pairs` plus one, found by the hash; twice as many as there can be pairs, so that a
  /// search ends soon.
  private var slots: [UInt16] = []

  mutating func add(from source: IPAddress, to destination: IPAddress, port: UInt16) {
    if slots.isEmpty { slots = Array(repeating: 0, count: Self.capacity * 2) }
    let pair = Pair(source: source, destination: destination, destinationPort: port)
    var slot = pair.hash & (slots.count - 1)
    while slots[slot] != 0 {
      let place = Int(slots[slot]) - 1
      if pairs[place] == pair {
        counts[place] += 1
        return
      }
      slot = (slot + 1) & (slots.count - 1)
    }
    guard pairs.count < Self.capacity else { return }
    pairs.append(pair)
    counts.append(1)
    slots[slot] = UInt16(pairs.count)
  }

  /// The pairs that take most ports, most first; equals in the order of their addresses.
  func worst(_ count: Int) -> [EphemeralPorts.Use] {
    let ranked = pairs.indices.sorted { left, right in
      if counts[left] != counts[right] { return counts[left] > counts[right] }
      return pairs[left].order < pairs[right].order
    }
    return ranked.prefix(count).map {
      EphemeralPorts.Use(
        source: pairs[$0].source, destination: pairs[$0].destination,
        destinationPort: pairs[$0].destinationPort, ports: UInt64(counts[$0]))
    }
  }
}

extension PortUses.Pair {
  fileprivate var order: (UInt64, UInt64, UInt64, UInt64, UInt16) {
    (destination.high, destination.low, source.high, source.low, destinationPort)
  }
}
