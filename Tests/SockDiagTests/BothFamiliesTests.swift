import LinuxIO
import SocketModel
import TestSupport
import Testing

@testable import SockDiag

/// The old request, TCPDIAG_GETSOCK.
private enum OldRequest {
  /// Whether the kernel of this machine has it at all.
  static let isAnswered: Bool = {
    var dump = SocketDump()
    do throws(NetlinkError) {
      try dump.dump(.tcp(.listening)) { (_, _) throws(NetlinkError) in }
      return true
    } catch {
      return !error.isRefusal
    }
  }()
}

/// One walk of the kernel's table for both families tells what one for each does, on a host of the
/// test's own where nothing moves.
@Suite(
  .enabled(
    if: TestHost.isAvailable && Tools.areInstalled("nft"), "needs root, namespaces and nftables"),
  .enabled(if: OldRequest.isAnswered, "the kernel does not answer TCPDIAG_GETSOCK"),
  // Longer than all tests together: it counts while they have the threads that make hosts.
  .timeLimit(.minutes(60)))
struct BothFamiliesTests {
  private static let everyChoice: [SocketDump.TCPStates] = [
    .all, .listening, .connections, .closeWait,
  ]

  @Test func sameSocketsAsOneWalkForEach() async throws {
    try await TestHost.run { host in
      let actors = try populate(host)
      let process = try host.start(["sleep", "60"])
      try withExtendedLifetime(actors) {
        try Self.inNetworkNamespace(of: process) {
          // What was sent last may still be on its way; if it never comes, it is told below.
          _ = try? eventually("everything is there") { () throws -> Bool? in
            try Self.isWhole(Self.sockets([.tcp(.all)])) ? true : nil
          }
          for states in Self.everyChoice {
            let (both, each) = try eventually("nothing moves for three dumps") {
              let before = try Self.sockets([.tcp(states)])
              let each = try Self.sockets(AddressFamily.allCases.map { .tcp($0, states) })
              let after = try Self.sockets([.tcp(states)])
              return before == after ? (before, each) : nil
            }
            #expect(both == each)
            expectKinds(both, states)
          }
        }
      }
    }
  }

  private static let connections: Set<TCPState> = [
    .established, .synSent, .synReceived, .finWait1, .finWait2, .timeWait, .closeWait, .lastAck,
    .closing,
  ]

  /// The states of the sockets of a family, without those of a listener that takes both.
  private static func states(
    _ family: AddressFamily, _ sockets: [InternetSocket]
  ) -> Set<TCPState> {
    Set(
      sockets.filter { $0.family == family && !isMapped($0) }
        .compactMap { TCPState(kernelNumber: $0.state) })
  }

  private static func isMapped(_ socket: InternetSocket) -> Bool {
    socket.local.unmapped != socket.local
  }

  /// Its peer has closed, and it waits for accept(2).
  private static func waits(_ socket: InternetSocket) -> Bool {
    socket.state == TCPState.closeWait.rawValue && socket.inode == 0
  }

  /// Whether all of what `populate` makes has come to where it is to stay.
  private static func isWhole(_ sockets: [InternetSocket]) -> Bool {
    AddressFamily.allCases.allSatisfy { states($0, sockets) == connections.union([.listen]) }
      && sockets.contains(where: waits)
  }

  /// What `populate` makes is there, so that the comparison is one.
  private func expectKinds(_ sockets: [InternetSocket], _ choice: SocketDump.TCPStates) {
    let expected: Set<TCPState> =
      switch choice {
      case .all: Self.connections.union([.listen])
      case .listening: [.listen]
      case .connections: Self.connections
      case .closeWait: [.closeWait]
      }
    for family in AddressFamily.allCases {
      #expect(Self.states(family, sockets) == expected)
    }
    guard choice != .listening else { return }
    #expect(sockets.contains { $0.family == .ipv6 && Self.isMapped($0) })
    #expect(sockets.contains(where: Self.waits))
  }

  // MARK: The host

  private enum Port: Int, CaseIterable {
    case whole = 8080
    case lostRequest, lostAcknowledgement, lostFinOfClient, lostFinOfServer
  }

  /// Every state in both families, a bound socket that is in none, IPv4 peers of a listener that takes
  /// both, and a connection that nobody accepts.
  private func populate(_ host: TestHost) throws -> [SocketActor] {
    try host.drop(
      "tcp dport \(Port.lostRequest.rawValue) tcp flags & (syn | ack) == syn",
      "tcp dport \(Port.lostAcknowledgement.rawValue) tcp flags & (syn | ack) == ack",
      "tcp dport \(Port.lostFinOfClient.rawValue) tcp flags & fin == fin",
      "tcp sport \(Port.lostFinOfServer.rawValue) tcp flags & fin == fin")
    let client = try host.actor(named: "client")
    let server = try host.actor(named: "server")
    for address in ["127.0.0.1", "::1"] {
      try makeEveryState(address, client: client, server: server)
    }
    try server.bind(server.socket(.tcp4))
    let both = try server.listen("::", port: 8090)
    let peer = try client.connect("127.0.0.1", port: both.port)
    try server.accept(both)
    try client.shutdown(peer)
    try client.shutdown(client.connect("127.0.0.1", port: both.port))
    return [client, server]
  }

  private func makeEveryState(
    _ address: String, client: SocketActor, server: SocketActor
  ) throws {
    func listener(_ port: Port) throws -> SocketActor.Listener {
      try server.listen(address, port: port.rawValue)
    }
    let whole = try listener(.whole)
    try client.connect(to: whole, of: server)
    try client.shutdown(client.connect(to: whole, of: server).own)
    let closed = try client.connect(to: whole, of: server)
    try client.close(closed.own)
    _ = try server.read(closed.peer)
    try server.close(closed.peer)
    try client.beginConnecting(to: listener(.lostRequest))
    try client.connect(to: listener(.lostAcknowledgement))
    let lostFin = try listener(.lostFinOfClient)
    try client.shutdown(client.connect(to: lostFin, of: server).own)
    let crossing = try client.connect(to: lostFin, of: server)
    try client.shutdown(crossing.own)
    try server.shutdown(crossing.peer)
    let last = try client.connect(to: listener(.lostFinOfServer), of: server)
    try client.shutdown(last.own)
    // Else what acknowledges the client's FIN would be lost, too, with the server's.
    _ = try server.read(last.peer)
    try server.shutdown(last.peer)
  }

  // MARK: Dumping

  /// What these requests tell together, ordered by cookie.
  private static func sockets(_ requests: [DumpRequest]) throws -> [InternetSocket] {
    var dump = SocketDump()
    return try SocketDump.retrying { () throws(NetlinkError) -> [InternetSocket] in
      var sockets: [InternetSocket] = []
      for request in requests {
        try dump.dump(request) { (datagram, row) throws(NetlinkError) in
          if let socket = try DumpRow.internetSocket(in: datagram, at: row) {
            sockets.append(socket)
          }
        }
      }
      return sockets.sorted { $0.cookie < $1.cookie }
    }
  }

  /// Moves this thread there and back.
  private static func inNetworkNamespace(
    of process: ChildProcess, _ body: () throws -> Void
  ) throws {
    let home = try FileDescriptor.open("/proc/thread-self/ns/net")
    try ThreadNamespace.enter(FileDescriptor.open("/proc/\(process.pid)/ns/net"))
    let result = Result { try body() }
    try ThreadNamespace.enter(home)
    try result.get()
  }
}
