import SocketModel
import Testing

@testable import Sampling

struct ListenerSummaryTests {
  private func summary(
    _ sockets: [InternetSocket], owners: [UInt32: String] = [:]
  ) -> Listeners {
    var tables = TCPTables(readsListeners: true, localPorts: nil)
    for socket in sockets { tables.add(socket) }
    tables.close()
    return Listeners(tables, owners: owners)
  }

  private func describe(_ listeners: Listeners) -> [String] {
    listeners.listeners.map { listener in
      let limit = listener.acceptQueueLimit.map(String.init) ?? "?"
      return
        "\(listener.address) \(listener.port.map(String.init) ?? "-") \(listener.process) "
        + "\(listener.acceptQueue)/\(limit)"
    }
  }

  @Test func socketsThatShareAPortAreSummed() {
    // SO_REUSEPORT: a socket for each worker.
    let summary = summary(
      [
        .tcp(.listen, port: 80, receive: 3, send: 128, inode: 1, cookie: 1),
        .tcp(.listen, port: 80, receive: 4, send: 128, inode: 2, cookie: 2),
        .tcp(.listen, port: 80, receive: 5, send: 100, inode: 3, cookie: 3),
        .tcp(.established, port: 80),
      ], owners: [1: "nginx", 2: "nginx", 3: "haproxy"])
    #expect(describe(summary) == ["127.0.0.1 80 haproxy 5/100", "127.0.0.1 80 nginx 7/256"])
    #expect(summary.ports.map(\.sockets.sum) == [4])
    #expect(summary.foldedListeners == 0)
    #expect(summary.foldedPorts == 0)
  }

  @Test func ordersByPortAddressAndOwner() {
    let summary = summary(
      [
        .tcp(.listen, .ipv6, port: 443, inode: 1), .tcp(.listen, port: 443, inode: 2),
        .tcp(.listen, port: 80, inode: 3), .tcp(.listen, port: 443, inode: 4),
      ], owners: [1: "b", 2: "b", 4: "a"])
    #expect(
      describe(summary) == [
        "127.0.0.1 80 unknown 0/?", "127.0.0.1 443 a 0/?", "127.0.0.1 443 b 0/?", "::1 443 b 0/?",
      ])
  }

  @Test func nothingListens() {
    #expect(summary([.tcp(.established, port: 80)]) == Listeners())
  }

  @Test func whoHasConnectionsWaitingStaysThenTheLowerPort() {
    var sockets: [InternetSocket] = (1...300 as ClosedRange<UInt16>).map {
      .tcp(.listen, port: $0, send: 10, cookie: UInt64($0))
    }
    sockets[299].receiveQueue = 2
    sockets[279].receiveQueue = 1
    let summary = summary(sockets)
    #expect(summary.foldedListeners == 50)
    #expect(summary.listeners.count == 251)
    let stay: [UInt16?] = Array(1...248) + [280, 300, nil]
    #expect(summary.listeners.map(\.port) == stay)
    #expect(describe(summary).last == "other - other 0/500")
    #expect(summary.listeners.reduce(0) { $0 + $1.acceptQueue } == 3)
    #expect(summary.listeners.reduce(0) { $0 + ($1.acceptQueueLimit ?? 0) } == 3000)
  }

  @Test func limitsThatAreNotToldAreNotZeroInTheSum() {
    let summary = summary((1...300 as ClosedRange<UInt16>).map { .tcp(.listen, port: $0) })
    #expect(describe(summary).last == "other - other 0/?")
  }

  @Test func portsAndListenersAreFoldedEachForThemselves() {
    // Two listeners on each of 200 ports: too many rows, not too many ports.
    let summary = summary(
      (1...200 as ClosedRange<UInt16>).flatMap { port -> [InternetSocket] in
        [.tcp(.listen, port: port), .tcp(.listen, .ipv6, port: port)]
      })
    #expect(summary.foldedListeners == 150)
    #expect(summary.ports.count == 200)
    #expect(summary.foldedPorts == 0)
  }

  @Test func portsWithMostSocketsStay() {
    var sockets: [InternetSocket] = []
    for port in 1...300 as ClosedRange<UInt16> { sockets.append(.tcp(.listen, port: port)) }
    for port in 51...300 as ClosedRange<UInt16> {
      sockets.append(.tcp(.closeWait, port: port, inode: 1))
    }
    let summary = summary(sockets)
    let stay: [UInt16?] = Array(51...300) + [nil]
    #expect(summary.ports.map(\.number) == stay)
    #expect(summary.foldedPorts == 50)
    #expect(summary.ports.last?.sockets[.listen] == 50)
    #expect(summary.ports.reduce(0) { $0 + $1.sockets.sum } == 550)
  }
}
