import Glibc
import SocketModel
import TestSupport
import Testing

@testable import SockDiag

/// The kernel of this machine, with sockets that there would not be otherwise.
struct SocketDumpTests {
  /// A socket that closes itself.
  private final class Held {
    let number: Int32

    init(_ number: Int32) throws {
      self.number = number
      try #require(number >= 0)
    }

    convenience init(_ family: Int32, _ type: __socket_type, _ protocolNumber: Int32 = 0) throws {
      try self.init(socket(family, Int32(type.rawValue), protocolNumber))
    }

    deinit { close(number) }

    var inode: UInt32 {
      var status = stat()
      fstat(number, &status)
      return UInt32(status.st_ino)
    }

    /// Applies bind(2) or connect(2) to a port of 127.0.0.1; 0 is any.
    func apply(
      _ call: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32, port: UInt16 = 0
    ) -> Bool {
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
      return withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          call(number, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
      }
    }
  }

  private func inodes(of kind: SocketKind) throws -> [UInt32] {
    var dump = SocketDump()
    return try SocketDump.retrying { () throws(NetlinkError) -> [UInt32] in
      var inodes: [UInt32] = []
      try dump.inodes(of: kind) { inodes.append($0) }
      return inodes
    }
  }

  private func sockets(
    _ family: AddressFamily, _ states: SocketDump.TCPStates
  ) throws -> [InternetSocket] {
    var dump = SocketDump()
    return try SocketDump.retrying { () throws(NetlinkError) -> [InternetSocket] in
      var sockets: [InternetSocket] = []
      try dump.tcp(states) { sockets.append($0) }
      return sockets.filter { $0.family == family }
    }
  }

  /// Waits until the kernel tells of an IPv4 socket. What was sent to it may still be on its way, and a
  /// dump of several messages can pass one over while others are closed.
  @discardableResult
  private func awaitSocket(
    _ inode: UInt32, _ states: SocketDump.TCPStates,
    where condition: (InternetSocket) -> Bool = { _ in true }
  ) throws -> InternetSocket {
    try eventually("socket \(inode) is among those asked for: \(states)") {
      try sockets(.ipv4, states).first { $0.inode == inode && condition($0) }
    }
  }

  /// Waits until the kernel tells of a socket of another kind.
  private func awaitInode(_ inode: UInt32, of kind: SocketKind) throws {
    try eventually("socket \(inode) is among those of \(kind)") { () throws -> Bool? in
      try inodes(of: kind).contains(inode) ? true : nil
    }
  }

  @Test func listenersAndConnections() throws {
    let listener = try Held(AF_INET, SOCK_STREAM)
    try #require(listener.apply(bind) && listen(listener.number, 3) == 0)
    let listening = try awaitSocket(listener.inode, .listening)
    #expect(listening.state == TCPState.listen.rawValue)
    #expect(listening.local == IPAddress(ipv4: 0x7f00_0001))
    #expect(listening.remotePort == 0)
    #expect(listening.receiveQueue == 0)
    #expect(listening.sendQueue == 3)

    let client = try Held(AF_INET, SOCK_STREAM)
    try #require(client.apply(connect, port: listening.localPort))
    let server = try Held(accept(listener.number, nil, nil))
    try #require(send(client.number, "four", 4, 0) == 4)
    let received = try awaitSocket(server.inode, .connections) { $0.receiveQueue == 4 }
    let sent = try awaitSocket(client.inode, .connections)
    #expect(received.localPort == listening.localPort)
    #expect(received.localPort == sent.remotePort && received.remotePort == sent.localPort)
    #expect(received.cookie != 0 && received.cookie != sent.cookie)

    let connections = try sockets(.ipv4, .connections)
    #expect(!connections.contains { $0.state == TCPState.listen.rawValue })
    #expect(!connections.contains { $0.inode == listener.inode })
    for inode in [listener.inode, client.inode, server.inode] { try awaitSocket(inode, .all) }
    #expect(try !sockets(.ipv6, .all).contains { $0.inode == server.inode })
    for socket in try sockets(.ipv4, .closeWait) {
      #expect(socket.state == TCPState.closeWait.rawValue)
    }
  }

  @Test func theAgeOfACloseWait() throws {
    let begun = ContinuousClock.now
    let listener = try Held(AF_INET, SOCK_STREAM)
    try #require(listener.apply(bind) && listen(listener.number, 3) == 0)
    let listening = try awaitSocket(listener.inode, .listening)
    let client = try Held(AF_INET, SOCK_STREAM)
    try #require(client.apply(connect, port: listening.localPort))
    let server = try Held(accept(listener.number, nil, nil))
    try #require(shutdown(client.number, Int32(SHUT_WR)) == 0)
    let halfClosed = try awaitSocket(server.inode, .closeWait)

    var dump = SocketDump()
    func age() throws -> UInt32? {
      try SocketDump.retrying { () throws(NetlinkError) -> UInt32? in
        var age: UInt32?
        try dump.closeWaitAges(.ipv4) { cookie, sinceLastAckMilliseconds in
          if cookie == halfClosed.cookie { age = sinceLastAckMilliseconds }
        }
        return age
      }
    }
    let first = try eventually("its age is told") { try age() }
    let second = try eventually("it grows older") { () throws -> UInt32? in
      try age().flatMap { $0 >= first + 40 ? $0 : nil }
    }
    // The kernel counts in ticks, which may come late.
    #expect(Duration.milliseconds(second) <= begun.duration(to: .now) + .seconds(1))
  }

  @Test func inodesOfEachKind() throws {
    let udp = try Held(AF_INET, SOCK_DGRAM)
    try #require(udp.apply(bind))
    try awaitInode(udp.inode, of: .udp)

    let unix = try Held(AF_UNIX, SOCK_STREAM)
    try awaitInode(unix.inode, of: .unix)

    let netlink = try Held(AF_NETLINK, SOCK_RAW)
    // The kernel lists it from when it has an address.
    var address = sockaddr()
    address.sa_family = sa_family_t(AF_NETLINK)
    try #require(bind(netlink.number, &address, socklen_t(MemoryLayout<sockaddr>.size)) == 0)
    try awaitInode(netlink.inode, of: .netlink)

    for kind in SocketKind.allCases where kind != .raw {
      #expect(try !inodes(of: kind).contains(0))
    }
    for kind in [SocketKind.unbound, .other] { #expect(try inodes(of: kind).isEmpty) }
  }

  @Test(.enabled(if: geteuid() == 0, "needs root"))
  func inodesOfPacketSockets() throws {
    let packet = try Held(AF_PACKET, SOCK_DGRAM)
    try awaitInode(packet.inode, of: .packet)
  }

  /// Found, or refused by a kernel without raw_diag.
  @Test(.enabled(if: geteuid() == 0, "needs root"))
  func inodesOfRawSockets() throws {
    let raw = try Held(AF_INET, SOCK_RAW, Int32(IPPROTO_ICMP))
    do {
      try awaitInode(raw.inode, of: .raw)
    } catch let error as NetlinkError {
      #expect(error == .refused(code: ENOENT) && error.isRefusal)
    }
  }

  private final class Clock {
    var now = SuspendingClock.now
  }

  /// TCP's request for both families, of a type that the kernel does not know.
  private var refused: DumpRequest {
    var request = DumpRequest.tcp(.listening)
    request.type = 99
    return request
  }

  private let families = AddressFamily.allCases.map { DumpRequest.tcp($0, .listening) }

  @Test func whatIsRefusedAsAWholeIsAskedForInParts() throws {
    let listener = try Held(AF_INET, SOCK_STREAM)
    try #require(listener.apply(bind) && listen(listener.number, 3) == 0)
    let clock = Clock()
    var dump = SocketDump(timeLimit: .seconds(10)) { clock.now }
    /// How often the listener is told.
    func ask(_ whole: DumpRequest, orElse parts: [DumpRequest]) throws -> Int {
      var times = 0
      try dump.dump(whole, orElse: parts) { (datagram, row) throws(NetlinkError) in
        if try DumpRow.inet.inode(in: datagram, at: row) == listener.inode { times += 1 }
      }
      return times
    }
    #expect(try ask(refused, orElse: families) == 1)
    // The whole is not asked for again, though it could be had by now.
    clock.now += .seconds(299)
    #expect(try ask(.tcp(.listening), orElse: []) == 0)
    #expect(try ask(.tcp(.listening), orElse: families) == 1)
    clock.now += .seconds(1)
    #expect(try ask(.tcp(.listening), orElse: []) == 1)
    // And not the parts beside it.
    #expect(try ask(.tcp(.listening), orElse: families) == 1)
  }

  @Test func whatIsRefusedInPartsAsWellIsRefused() throws {
    var dump = SocketDump()
    #expect(throws: NetlinkError.refused(code: ENOENT)) {
      try dump.dump(refused, orElse: [.inet(.ipv4, protocol: 253)]) {
        (_, _) throws(NetlinkError) in
      }
    }
  }

  /// Its rows were handed on, and would come a second time.
  @Test func aRefusalInMidDumpFailsTheAttempt() throws {
    let listener = try Held(AF_INET, SOCK_STREAM)
    try #require(listen(listener.number, 1) == 0)
    var dump = SocketDump()
    var rows = 0
    #expect(throws: NetlinkError.refused(code: ENOENT)) {
      try dump.dump(.tcp(.listening), orElse: families) { (_, _) throws(NetlinkError) in
        rows += 1
        throw .refused(code: ENOENT)
      }
    }
    #expect(rows == 1)
    #expect(!dump.absent.contains(DumpRequest.tcp(.listening).module, now: .now))
  }

  @Test func whatTheKernelHasNoModuleForIsNotAskedForAgainSoon() throws {
    let clock = Clock()
    var dump = SocketDump(timeLimit: .seconds(10)) { clock.now }
    // A protocol that nobody has (RFC 3692).
    let unknown = DumpRequest.inet(.ipv4, protocol: 253)
    func ask() -> NetlinkError? {
      do throws(NetlinkError) {
        try dump.dump(unknown) { (_, _) throws(NetlinkError) in }
        return nil
      } catch {
        return error
      }
    }
    #expect(ask() == .refused(code: ENOENT))
    let first = clock.now
    clock.now += .seconds(299)
    #expect(ask() == .refused(code: ENOENT))
    // It was not asked for: the answer is as old as before.
    #expect(!dump.absent.contains(unknown.module, now: first + .seconds(300)))
    clock.now += .seconds(1)
    #expect(ask() == .refused(code: ENOENT))
    #expect(dump.absent.contains(unknown.module, now: first + .seconds(599)))
    #expect(!dump.absent.contains(unknown.module, now: first + .seconds(600)))
    // Everything else goes on.
    try dump.tcp(.all) { _ in }
    #expect(!dump.absent.contains(DumpRequest.tcp(.all).module, now: clock.now))
  }

  @Test func eachModuleIsAbsentOnItsOwn() {
    let requests =
      SocketKind.allCases.flatMap { DumpRequest.all(of: $0) }
      + AddressFamily.allCases.map { .tcp($0, .all) } + [.tcp(.all)]
      + AddressFamily.allCases.map { .multipathTCP($0) }
    let modules = requests.map(\.module)
    for module in modules {
      var absent = AbsentModules()
      let now = SuspendingClock.now
      absent.insert(module, now: now)
      for other in modules { #expect(absent.contains(other, now: now) == (other == module)) }
    }
    #expect(DumpRequest.multipathTCP(.ipv4).module != DumpRequest.tcp(.ipv4, .all).module)
    #expect(DumpRequest.tcp(.ipv4, .all).module == DumpRequest.closeWaitInfo(.ipv4).module)
  }

  @Test func aDumpThatTakesTooLong() throws {
    let listener = try Held(AF_INET, SOCK_STREAM)
    try #require(listen(listener.number, 1) == 0)
    var dump = SocketDump(timeLimit: .zero)
    #expect(throws: NetlinkError.timedOut) { try dump.tcp(.all) { _ in } }
    // That is no refusal.
    #expect(!dump.absent.contains(DumpRequest.tcp(.all).module, now: .now))
  }
}
