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

  private(set) var tcp = TCPSockets()
  private(set) var listeners: [Listener] = []
  /// Each by the state of what the process holds: of Multipath TCP not the subflows, see `overrule`.
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
    // Those that wait for accept(2) have no inode yet, but grow old as well.
    if state == .closeWait, socket.inode != 0 || socket.cookie != 0 {
      closeWait.append(CloseWaitSocket(cookie: socket.cookie, inode: socket.inode))
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

  /// Lets the Multipath TCP sockets have the last word on what is in CLOSE_WAIT. Nothing else is said
  /// of them: what is counted are their subflows, as `ss -t` does.
  /// - Returns: for each subflow in CLOSE_WAIT whose socket is so as well, the key of that socket, by
  ///   the subflow's: one that fell back to plain TCP ends with its only subflow.
  mutating func overrule(by multipath: MultipathSockets) -> [UInt64: UInt64] {
    if multipath.inodes.isEmpty { return [:] }
    let keys = Dictionary(
      multipath.closeWait.map { ($0.inode, $0.key) }, uniquingKeysWith: { first, _ in first })
    var ofSubflows: [UInt64: UInt64] = [:]
    for subflow in closeWait {
      if let key = keys[subflow.inode] { ofSubflows[subflow.key] = key }
    }
    closeWait.removeAll { multipath.inodes.contains($0.inode) }
    closeWait += multipath.closeWait
    return ofSubflows
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
