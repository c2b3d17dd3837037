/// The descriptors of an actor, whatever is behind them.
extension SocketActor {
  package func close(_ descriptor: Int) throws {
    try close(descriptor...descriptor)
  }

  package func close(_ descriptors: ClosedRange<Int>) throws {
    try send("close \(descriptors.lowerBound) \(descriptors.upperBound)")
  }

  /// A second descriptor of the same.
  @discardableResult
  package func duplicate(_ descriptor: Int) throws -> Int {
    try number("dup \(descriptor)")
  }

  /// Reads what is there or comes; returns the number of bytes, 0 where the peer has closed.
  @discardableResult
  package func read(_ descriptor: Int) throws -> Int {
    try number("read \(descriptor)")
  }

  package func write(_ text: String, to descriptor: Int) throws {
    try send("write \(descriptor) \(hexadecimal(Array(text.utf8)))")
  }

  /// Writes until the buffers of both sides are full; returns the number of bytes.
  @discardableResult
  package func fill(_ descriptor: Int) throws -> Int {
    try number("fill \(descriptor)")
  }

  /// Opens files that are no sockets.
  package func openFiles(_ count: Int) throws {
    _ = try range("open \(count) /dev/null")
  }

  /// Opens files until the kernel refuses; returns how many, and the name of the error.
  package func openAll() throws -> (made: Int, error: String) {
    try exhaust("open-all /dev/null")
  }

  /// Sets the soft limit of open descriptors.
  package func limitDescriptors(to count: Int) throws {
    try send("descriptor-limit \(count)")
  }

  // MARK: Unix sockets

  /// Makes two connected Unix sockets.
  @discardableResult
  package func unixPair() throws -> (Int, Int) {
    let pair = try numbers("unix-pair", count: 2)
    return (pair[0], pair[1])
  }

  /// Gives a Unix socket a name: a path, or an abstract name where it begins with @.
  package func bindUnix(_ descriptor: Int, to name: String) throws {
    try send("bind-unix \(descriptor) \(name)")
  }

  /// Connects to another actor by a Unix socket with this name; returns both descriptors.
  package func connectUnix(
    to other: SocketActor, name: String = "@channel"
  ) throws -> (own: Int, peer: Int) {
    let listener = try other.socket(.unix)
    try other.bindUnix(listener, to: name)
    try other.send("listen-on \(listener) 1")
    let own = try number("connect-unix \(name)")
    let peer = try other.number("accept \(listener)")
    try other.close(listener)
    return (own, peer)
  }

  /// Sends a descriptor to whoever reads the other end of the Unix socket `through`.
  package func sendDescriptor(_ descriptor: Int, through socket: Int) throws {
    try send("send-descriptor \(socket) \(descriptor)")
  }

  /// Takes a descriptor that was sent; returns its number here.
  package func receiveDescriptor(through socket: Int) throws -> Int {
    try number("receive-descriptor \(socket)")
  }
}
