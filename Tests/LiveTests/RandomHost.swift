import TestSupport

/// A host on which things happen at random, and what must be on it after that.
struct RandomHost {
  /// A socket, as processes see it.
  final class Socket {
    var kind: String
    var state: String?
    /// The other end of a connection, while it has one.
    weak var peer: Socket?

    init(_ kind: String, state: String? = nil) {
      self.kind = kind
      self.state = state
    }

    /// The connection is over, and the descriptors of it lead to a socket that is none's.
    fileprivate func end() {
      (kind, state, peer) = ("unbound", nil, nil)
    }
  }

  /// What lies behind the descriptors of one process, or of some that share them; nil for files.
  final class Table {
    var descriptors: [Int: Socket?]

    init(_ descriptors: [Int: Socket?] = [:]) {
      self.descriptors = descriptors
    }

    fileprivate func holds(_ socket: Socket) -> Bool {
      descriptors.values.contains { $0 === socket }
    }
  }

  final class Process {
    let name: String
    /// The network namespace it is in; nil for the exporter's own.
    let namespace: String?
    let table: Table
    /// Nil where it takes no commands, for it shares the table of another one.
    let actor: SocketActor?
    fileprivate var isForked = false
    fileprivate var isSharing = false
    fileprivate var listeners: [(listener: SocketActor.Listener, socket: Socket)] = []

    fileprivate init(
      _ name: String, in namespace: String?, _ actor: SocketActor?, _ table: Table = Table()
    ) {
      (self.name, self.namespace, self.actor, self.table) = (name, namespace, actor, table)
    }
  }

  private let host: TestHost
  private var random: SeededGenerator
  private(set) var processes: [Process] = []
  private var names = 0

  init(_ host: TestHost, seed: UInt64) throws {
    self.host = host
    random = SeededGenerator(seed: seed)
    try host.makeNetworkNamespace(named: "blue")
    for namespace in [nil, nil, "blue", "blue"] { try start(in: namespace) }
  }

  /// Lets so many things happen.
  mutating func live(steps: Int) throws {
    for _ in 0..<steps {
      guard let process = processes.filter({ $0.actor != nil }).randomElement(using: &random),
        let actor = process.actor
      else { return try start(in: nil) }
      switch Int.random(in: 0..<20, using: &random) {
      case 0: try start(in: process.namespace)
      case 1: try fork(process, actor)
      case 2: try shareTable(process, actor)
      case 3: if !process.isSharing && !process.isForked { try actor.leaveMainThread() }
      case 4: try exit(process, actor)
      case 5: try pass(from: process, actor)
      case 6, 7: try duplicate(process, actor)
      case 8, 9: try close(process, actor)
      case 10, 11: try shutDown(process, actor)
      case 12: try listen(process, actor)
      case 13...16: try connect(process, actor)
      default: try make(process, actor)
      }
    }
  }

  // MARK: What must be there

  /// Descriptors of a process by kind; those of files and of the pipes it talks through have none.
  func kinds(of process: Process) -> [String: Double] {
    counts(of: process.table.descriptors.values.compactMap { $0?.kind })
  }

  func states(of process: Process) -> [String: Double] {
    let sockets = process.table.descriptors.values.compactMap { $0 }
    let distinct = Dictionary(sockets.map { (ObjectIdentifier($0), $0) }) { first, _ in first }
    return counts(of: distinct.values.compactMap(\.state))
  }

  /// Descriptors of sockets that another process holds, too.
  func shared(of process: Process) -> Double {
    let others = processes.filter { $0 !== process }
    return Double(
      process.table.descriptors.values.count { socket in
        socket.map { socket in others.contains { $0.table.holds(socket) } } ?? false
      })
  }

  func descriptors(of process: Process) -> Double {
    Double(process.table.descriptors.count + 3)
  }

  private func counts(of names: [String]) -> [String: Double] {
    names.reduce(into: [:]) { $0[$1, default: 0] += 1 }
  }

  // MARK: Processes

  private mutating func newName() -> String {
    names += 1
    return "p\(names)"
  }

  private mutating func start(in namespace: String?) throws {
    guard processes.count < 10 else { return }
    let name = newName()
    let wrapper = namespace.map(TestHost.inNetworkNamespace) ?? []
    let actor = try host.actor(named: name, wrapper: wrapper)
    processes.append(Process(name, in: namespace, actor))
  }

  private mutating func fork(_ process: Process, _ actor: SocketActor) throws {
    guard processes.count < 10 else { return }
    let child = Process(
      newName(), in: process.namespace, try actor.fork(), Table(process.table.descriptors))
    try child.actor?.name(child.name)
    child.isForked = true
    child.listeners = process.listeners
    processes.append(child)
  }

  private mutating func shareTable(_ process: Process, _ actor: SocketActor) throws {
    guard processes.count < 10 else { return }
    let name = newName()
    try actor.shareTable(withProcessNamed: name)
    process.isSharing = true
    processes.append(Process(name, in: process.namespace, nil, process.table))
  }

  private mutating func exit(_ process: Process, _ actor: SocketActor) throws {
    // Of the others nobody tells when they have ended.
    guard processes.count > 2, !process.isForked, !process.isSharing else { return }
    try actor.exit()
    processes.removeAll { $0 === process }
    for socket in process.table.descriptors.values { socket.map(wasLetGo) }
  }

  // MARK: Descriptors

  /// A descriptor of the process was closed; if it was the last one, so is the socket.
  private func wasLetGo(_ socket: Socket) {
    guard !processes.contains(where: { $0.table.holds(socket) }), let peer = socket.peer else {
      return
    }
    socket.peer = nil
    switch socket.state {
    case "established": peer.state = "close_wait"
    case "close_wait": peer.end()
    default: break
    }
    peer.peer = nil
  }

  private mutating func close(_ process: Process, _ actor: SocketActor) throws {
    guard let (number, socket) = randomDescriptor(of: process) else { return }
    try actor.close(number)
    process.table.descriptors[number] = nil
    process.listeners.removeAll { $0.listener.descriptor == number }
    for other in processes where other.table === process.table {
      other.listeners.removeAll { $0.listener.descriptor == number }
    }
    socket.map(wasLetGo)
  }

  private mutating func duplicate(_ process: Process, _ actor: SocketActor) throws {
    guard let (number, socket) = randomDescriptor(of: process) else { return }
    process.table.descriptors.updateValue(socket, forKey: try actor.duplicate(number))
  }

  private mutating func pass(from process: Process, _ actor: SocketActor) throws {
    let others = processes.filter {
      $0 !== process && $0.namespace == process.namespace && $0.actor != nil
    }
    guard let (number, socket) = randomDescriptor(of: process),
      let other = others.randomElement(using: &random), let receiver = other.actor
    else { return }
    let channel = try actor.connectUnix(to: receiver, name: "@\(newName())")
    try actor.sendDescriptor(number, through: channel.own)
    let received = try receiver.receiveDescriptor(through: channel.peer)
    process.table.descriptors.updateValue(Socket("unix"), forKey: channel.own)
    other.table.descriptors.updateValue(Socket("unix"), forKey: channel.peer)
    other.table.descriptors.updateValue(socket, forKey: received)
  }

  private mutating func randomDescriptor(of process: Process) -> (number: Int, socket: Socket?)? {
    let numbers = process.table.descriptors.keys.sorted()
    guard let number = numbers.randomElement(using: &random) else { return nil }
    return (number, process.table.descriptors[number] ?? nil)
  }

  // MARK: Sockets

  private mutating func make(_ process: Process, _ actor: SocketActor) throws {
    let alone: [(SocketActor.Kind, String)] = [
      (.tcp4, "unbound"), (.tcp6, "unbound"), (.mptcp4, "unbound"), (.udp4, "unbound"),
      (.udp6, "unbound"), (.netlink, "unbound"), (.raw4, "raw"), (.raw6, "raw"),
      (.packet, "packet"), (.unix, "unix"), (.unixDatagram, "unix"), (.unixPacket, "unix"),
      (.vsock, "other"),
    ]
    switch Int.random(in: 0..<8, using: &random) {
    case 0:
      try actor.openFiles(1)
      // The lowest number that was free.
      let number = (3...).first { process.table.descriptors[$0] == nil } ?? 3
      process.table.descriptors.updateValue(nil, forKey: number)
    case 1:
      let pair = try actor.unixPair()
      for number in [pair.0, pair.1] {
        process.table.descriptors.updateValue(Socket("unix"), forKey: number)
      }
    case 2:
      let number = try actor.socket(.udp4)
      try actor.bind(number)
      process.table.descriptors.updateValue(Socket("udp"), forKey: number)
    case 3:
      let number = try actor.socket(.netlink)
      try actor.bindNetlink(number)
      process.table.descriptors.updateValue(Socket("netlink"), forKey: number)
    default:
      guard let (kind, label) = alone.randomElement(using: &random) else { return }
      process.table.descriptors.updateValue(Socket(label), forKey: try actor.socket(kind))
    }
  }

  private mutating func listen(_ process: Process, _ actor: SocketActor) throws {
    let listener = try actor.listen(Bool.random(using: &random) ? "127.0.0.1" : "::1")
    let socket = Socket("tcp", state: "listen")
    process.table.descriptors.updateValue(socket, forKey: listener.descriptor)
    process.listeners.append((listener, socket))
  }

  private mutating func connect(_ process: Process, _ actor: SocketActor) throws {
    let servers = processes.filter {
      $0.namespace == process.namespace && $0.actor != nil && !$0.listeners.isEmpty
    }
    guard let server = servers.randomElement(using: &random), let accepting = server.actor,
      let (listener, socket) = server.listeners.randomElement(using: &random)
    else { return try listen(process, actor) }
    precondition(server.table.descriptors[listener.descriptor] ?? nil === socket)
    let connection = try actor.connect(to: listener, of: accepting)
    let (own, peer) = (
      Socket("tcp", state: "established"), Socket("tcp", state: "established")
    )
    (own.peer, peer.peer) = (peer, own)
    process.table.descriptors.updateValue(own, forKey: connection.own)
    server.table.descriptors.updateValue(peer, forKey: connection.peer)
  }

  private mutating func shutDown(_ process: Process, _ actor: SocketActor) throws {
    let connected = process.table.descriptors.filter {
      $0.value?.state == "established" || $0.value?.state == "close_wait"
    }
    guard let number = connected.keys.sorted().randomElement(using: &random),
      let socket = connected[number] ?? nil
    else { return }
    try actor.shutdown(number)
    if socket.state == "established" {
      socket.state = "fin_wait2"
      socket.peer?.state = "close_wait"
    } else {
      // Both have said their last: what is left is in no table.
      socket.peer?.end()
      socket.end()
    }
  }
}
