/// The internet sockets of an actor.
extension SocketActor {
  /// A listening socket.
  package struct Listener: Sendable {
    package let descriptor: Int
    package let address: String
    package let port: Int
  }

  /// Sockets for `socket(_:)`.
  package enum Kind: String, Sendable {
    case tcp4, tcp6, mptcp4, mptcp6, udp4, udp6, udplite4, raw4, raw6, unix, netlink, packet, vsock
    case unixDatagram = "unix-datagram"
    case unixPacket = "unix-packet"
  }

  /// What `set(_:to:on:)` sets.
  package enum Option: String, Sendable {
    case reuseAddress = "reuse-address"
    case reusePort = "reuse-port"
    case keepAlive = "keepalive"
    case keepAliveIdleSeconds = "keepalive-idle"
    case keepAliveIntervalSeconds = "keepalive-interval"
    case keepAliveCount = "keepalive-count"
    case receiveBufferBytes = "receive-buffer"
    case userTimeoutMilliseconds = "user-timeout"
    /// Negative: a closed socket does not wait in FIN_WAIT2.
    case finWait2TimeoutSeconds = "fin-wait2-timeout"
    /// bind(2) chooses no port yet, so that connect(2) may choose one that others use, too.
    case choosePortLate = "choose-port-late"
  }

  package func socket(_ kind: Kind) throws -> Int {
    try number("socket \(kind.rawValue)")
  }

  package func set(_ option: Option, to value: Int = 1, on descriptor: Int) throws {
    try send("option \(descriptor) \(option.rawValue) \(value)")
  }

  /// Gives a socket an address; returns the port, which the kernel chooses for 0.
  @discardableResult
  package func bind(
    _ descriptor: Int, to address: String = "127.0.0.1", port: Int = 0
  ) throws -> Int {
    try number("bind \(descriptor) \(address) \(port)")
  }

  /// Gives a netlink socket an address of the kernel's choice.
  package func bindNetlink(_ descriptor: Int) throws {
    try send("bind-netlink \(descriptor)")
  }

  /// Makes a socket that listens.
  package func listen(
    _ address: String = "127.0.0.1", port: Int = 0, backlog: Int = 128
  ) throws -> Listener {
    let answer = try numbers("listen \(address) \(port) \(backlog)", count: 2)
    return Listener(descriptor: answer[0], address: address, port: answer[1])
  }

  /// Makes a socket of this kind and with these options that listens.
  package func listen(
    _ kind: Kind, _ options: Option..., address: String = "127.0.0.1", port: Int = 0,
    backlog: Int = 128
  ) throws -> Listener {
    let descriptor = try socket(kind)
    for option in options { try set(option, on: descriptor) }
    let port = try bind(descriptor, to: address, port: port)
    try send("listen-on \(descriptor) \(backlog)")
    return Listener(descriptor: descriptor, address: address, port: port)
  }

  /// Connects to any address; returns the descriptor.
  @discardableResult
  package func connect(_ address: String, port: Int) throws -> Int {
    try numbers("connect \(address) \(port)", count: 2)[0]
  }

  /// Connects to a listener; returns the descriptor.
  @discardableResult
  package func connect(to listener: Listener) throws -> Int {
    try connect(listener.address, port: listener.port)
  }

  /// Connects a socket that is there; returns its local port.
  @discardableResult
  package func connect(_ descriptor: Int, to address: String, port: Int) throws -> Int {
    try number("connect-on \(descriptor) \(address) \(port)")
  }

  /// Connects a socket that is there to a listener; returns its local port.
  @discardableResult
  package func connect(_ descriptor: Int, to listener: Listener) throws -> Int {
    try connect(descriptor, to: listener.address, port: listener.port)
  }

  /// Begins to connect and does not wait for an answer; returns the descriptor.
  @discardableResult
  package func beginConnecting(to listener: Listener) throws -> Int {
    try number("connect-start \(listener.address) \(listener.port)")
  }

  /// Begins to connect and gives up at once, before the kernel asks a second time.
  package func abandonConnecting(to listener: Listener) throws {
    try send("connect-abandon \(listener.address) \(listener.port)")
  }

  /// Connects until the kernel refuses; returns how many connections that made, and the name of the
  /// error.
  package func connectAll(to listener: Listener) throws -> (made: Int, error: String) {
    try exhaust("connect-all \(listener.address) \(listener.port)")
  }

  /// Takes a connection from a listener of this process; returns the descriptor.
  @discardableResult
  package func accept(_ listener: Listener) throws -> Int {
    try number("accept \(listener.descriptor)")
  }

  /// Connects to a listener of another actor, which accepts; returns both descriptors.
  @discardableResult
  package func connect(
    to listener: Listener, of server: SocketActor
  ) throws -> (own: Int, peer: Int) {
    (own: try connect(to: listener), peer: try server.accept(listener))
  }

  /// Makes many connections to a listener of another actor, which accepts them; returns both sides'
  /// descriptors.
  @discardableResult
  package func connect(
    to listener: Listener, of server: SocketActor, count: Int
  ) throws -> (own: [ClosedRange<Int>], peer: [ClosedRange<Int>]) {
    var own: [ClosedRange<Int>] = []
    var peer: [ClosedRange<Int>] = []
    // No more at a time than any listener's accept queue takes.
    for begin in stride(from: 0, to: count, by: 100) {
      let part = min(100, count - begin)
      own.append(try range("connect-many \(listener.address) \(listener.port) \(part)"))
      peer.append(try server.range("accept-many \(listener.descriptor) \(part)"))
    }
    return (own, peer)
  }

  /// Sends FIN and keeps the descriptor.
  package func shutdown(_ descriptor: Int) throws {
    try send("shutdown \(descriptor)")
  }

  /// Closes a connection with RST instead of FIN.
  package func reset(_ descriptor: Int) throws {
    try send("linger0 \(descriptor)")
    try close(descriptor)
  }
}
