import ProcFS
import SocketModel
import Testing

@testable import Sampling

struct TCPTablesTests {
  private func tables(
    _ sockets: [InternetSocket], readsListeners: Bool = true,
    localPorts: LocalPorts? = LocalPorts(range: 32768...60999, reserved: [40000...40009])
  ) -> TCPTables {
    var tables = TCPTables(readsListeners: readsListeners, localPorts: localPorts)
    for socket in sockets { tables.add(socket) }
    tables.close()
    return tables
  }

  @Test func queuesAreThoseOfConnections() {
    let tables = tables([
      .tcp(.listen, port: 80, receive: 7, send: 128),
      .tcp(.established, port: 80, receive: 10, send: 20),
      .tcp(.closeWait, port: 80, receive: 1, send: .max),
      .tcp(.closeWait, port: 80, receive: 1, send: .max),
      .tcp(.established, .ipv6, port: 80, receive: 5),
    ])
    #expect(tables.tcp.queueBytes[0].receive == 12)
    #expect(tables.tcp.queueBytes[0].send == 20 + 2 * UInt64(UInt32.max))
    #expect(tables.tcp.queueBytes[1].receive == 5)
    #expect(tables.listeners.map(\.acceptQueue) == [7])
    #expect(tables.tcp.counts[.closeWait, .ipv4] == 2)
    #expect(tables.tcp.counts[.established, .ipv6] == 1)
  }

  @Test func countsPendingTimers() {
    let tables = tables(
      [0, 1, 1, 2, 3, 4, 4, 4, 5, 255].map { .tcp(.established, port: 1, timer: $0) })
    #expect(tables.tcp.retransmitting == 2)
    #expect(tables.tcp.keepingAlive == 1)
    #expect(tables.tcp.probing == 3)
  }

  @Test func statesThatAreNoneOfAConnectionCountNowhere() {
    var unknown = InternetSocket.tcp(.established, port: 1)
    unknown.state = 13
    var request = unknown
    request.state = 12
    let tables = tables([unknown, request])
    #expect(tables.tcp.counts[.synReceived, .ipv4] == 1)
    #expect(TCPState.allCases.reduce(0) { $0 + tables.tcp.counts[$1, .ipv4] } == 1)
  }

  @Test func closeWaitIsToldApartByCookieOrInode() {
    let tables = tables([
      .tcp(.closeWait, port: 1, inode: 5, cookie: 77), .tcp(.closeWait, port: 1, inode: 4),
      // It waits for accept(2).
      .tcp(.closeWait, port: 1, cookie: 78),
      .tcp(.established, port: 1, inode: 6, cookie: 79),
    ])
    #expect(tables.closeWait.map(\.key) == [77, 1 << 63 | 4, 78])
    #expect(tables.closeWait.map(\.inode) == [5, 4, 0])
  }

  @Test func closeWaitIsThatOfMultipathSocketsAndNotOfTheirSubflows() {
    let subflows: [InternetSocket] = [
      .tcp(.closeWait, port: 1, inode: 5, cookie: 70),
      // Of one socket each: its subflows differ, one of two has ended, both have.
      .tcp(.established, port: 1, inode: 6, cookie: 71),
      .tcp(.closeWait, port: 1, inode: 7, cookie: 72),
      .tcp(.established, port: 1, inode: 7, cookie: 73),
      .tcp(.closeWait, port: 1, inode: 8, cookie: 74),
      .tcp(.closeWait, .ipv6, port: 1, inode: 8, cookie: 75),
    ]
    var multipath = MultipathSockets()
    for socket: InternetSocket in [
      .tcp(.closeWait, port: 1, inode: 6, cookie: 81), .tcp(.established, port: 1, inode: 7),
      .tcp(.closeWait, port: 1, inode: 8, cookie: 82),
      .tcp(.closeWait, port: 1, inode: 8, cookie: 82),
      // Nobody holds it.
      .tcp(.closeWait, port: 1, cookie: 83),
    ] {
      multipath.add(socket)
    }
    var tables = TCPTables(readsListeners: true, localPorts: nil)
    for socket in subflows { tables.add(socket) }
    let counted = tables.tcp
    var untold = tables
    let keysOfSubflows = tables.overrule(by: multipath)
    tables.close()
    #expect(keysOfSubflows == [74: 82, 75: 82])
    #expect(tables.closeWait.map(\.key) == [70, 81, 82])
    #expect(tables.closeWait.map(\.inode) == [5, 6, 8])
    #expect(tables.tcp == counted)
    #expect(tables.tcp.counts[.closeWait, .ipv4] == 3)

    // Where the kernel does not tell, each subflow stands for itself; ages then count an inode once.
    #expect(untold.overrule(by: MultipathSockets()).isEmpty)
    untold.close()
    #expect(untold.closeWait.map(\.key) == [70, 72, 74, 75])
  }

  @Test func limitsOfAcceptQueuesComeFromSockDiagOnly() {
    let tables = tables([
      .tcp(.listen, port: 80, send: 128, cookie: 1), .tcp(.listen, port: 81, send: 0),
    ])
    #expect(tables.listeners.map(\.acceptQueueLimit) == [128, nil])
  }

  @Test func portsHaveTheSocketsOfBothFamilies() {
    let tables = tables([
      .tcp(.listen, port: 8080), .tcp(.listen, .ipv6, port: 80), .tcp(.listen, .ipv6, port: 8080),
      .tcp(.established, port: 80), .tcp(.timeWait, .ipv6, port: 80),
      .tcp(.timeWait, .ipv6, port: 80), .tcp(.established, port: 81),
    ])
    #expect(tables.ports.map(\.number) == [80, 8080])
    #expect(tables.ports.map(\.sockets[.listen]) == [1, 2])
    #expect(tables.ports.map(\.sockets[.established]) == [1, 0])
    #expect(tables.ports.map(\.sockets[.timeWait]) == [2, 0])
  }

  @Test func ephemeralPortsAreThoseOfOutgoingConnections() {
    let tables = tables([
      .tcp(.listen, .ipv6, port: 50000),
      // The server's side of a connection takes no port, on whichever family it listens.
      .tcp(.established, port: 50000, remotePort: 1),
      .tcp(.established, port: 32768, remotePort: 2), .tcp(.timeWait, port: 60999, remotePort: 2),
      .tcp(.established, port: 32767, remotePort: 3),
      .tcp(.established, port: 61000, remotePort: 3),
      .tcp(.established, port: 40005, remotePort: 4),
    ])
    #expect(tables.worstPortUses.map(\.destinationPort) == [2])
    #expect(tables.worstPortUses.map(\.ports) == [2])
  }

  @Test func whatIsNotAskedForIsNotCounted() {
    let sockets: [InternetSocket] = [
      .tcp(.listen, port: 80), .tcp(.established, port: 80), .tcp(.established, port: 50000),
    ]
    let neither = tables(sockets, readsListeners: false, localPorts: nil)
    #expect(neither.ports.isEmpty)
    #expect(neither.worstPortUses.isEmpty)
    #expect(neither.tcp.counts[.established, .ipv4] == 2)
    #expect(neither.listeners.count == 1)
    let listeners = tables(sockets, localPorts: nil)
    #expect(listeners.ports.count == 1)
    #expect(listeners.worstPortUses.isEmpty)
  }

  @Test func everyPortMayHaveAListener() {
    var tables = TCPTables(readsListeners: true, localPorts: nil)
    for port in (0...UInt16.max).reversed() { tables.add(.tcp(.listen, port: port)) }
    for port in 0...UInt16.max { tables.add(.tcp(.established, port: port)) }
    tables.close()
    #expect(tables.ports.count == 65535)
    #expect(tables.ports.allSatisfy { $0.sockets[.listen] == 1 && $0.sockets.sum == 2 })
    #expect(tables.listeners.count == 65536)
  }
}

extension InternetSocket {
  /// A TCP socket between two ports of 127.0.0.1 or ::1.
  static func tcp(
    _ state: TCPState, _ family: AddressFamily = .ipv4, port: UInt16, remotePort: UInt16 = 0,
    receive: UInt32 = 0, send: UInt32 = 0, timer: UInt8 = 0, inode: UInt32 = 0, cookie: UInt64 = 0
  ) -> InternetSocket {
    let address =
      family == .ipv4 ? IPAddress(ipv4: 0x7f00_0001) : IPAddress(family: .ipv6, high: 0, low: 1)
    return InternetSocket(
      family: family, state: state.rawValue, timer: timer, localPort: port, remotePort: remotePort,
      local: address, remote: address, receiveQueue: receive, sendQueue: send, inode: inode,
      cookie: cookie)
  }
}
