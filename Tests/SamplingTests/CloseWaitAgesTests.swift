import SocketModel
import Testing

@testable import Sampling

struct CloseWaitAgesTests {
  private func reading(
    _ sockets: [(cookie: UInt64, inode: UInt32)], in namespace: UInt64 = 1,
    ages: [UInt64: Double] = [:]
  ) -> NamespaceReading {
    var tables = TCPTables(readsListeners: false, localPorts: nil)
    for socket in sockets {
      tables.add(
        InternetSocket(
          family: .ipv4, state: TCPState.closeWait.rawValue, timer: 0, localPort: 80,
          remotePort: 4711, local: IPAddress(ipv4: 1), remote: IPAddress(ipv4: 2),
          receiveQueue: 1, sendQueue: 0, inode: socket.inode, cookie: socket.cookie))
    }
    tables.close()
    var reading = NamespaceReading(name: namespace == 1 ? nil : "n\(namespace)", inode: namespace)
    reading.tables = tables
    reading.closeWaitAges = ages
    return reading
  }

  private func describe(_ sockets: [CloseWaitAges.Socket]) -> [String] {
    sockets.map { "\($0.inode) \($0.ageSeconds)" }
  }

  @Test func agesCountFromTheFirstSampleOrFromWhatTheKernelTells() {
    var ages = CloseWaitAges()
    let first = ages.update([reading([(11, 1), (12, 2)], ages: [12: 30.5])], now: 100)
    #expect(describe(first) == ["1 0.0", "2 30.5"])
    let second = ages.update([reading([(13, 3), (12, 2), (11, 1)])], now: 107.25)
    #expect(describe(second) == ["1 7.25", "2 37.75", "3 0.0"])
    // Who is gone is forgotten.
    _ = ages.update([reading([(13, 3)])], now: 110)
    #expect(describe(ages.update([reading([(11, 1)])], now: 111)) == ["1 0.0"])
  }

  @Test func whoWaitsForAcceptGrowsOldAsWell() {
    var ages = CloseWaitAges()
    #expect(ages.update([reading([(11, 0), (12, 0)])], now: 100).isEmpty)
    #expect(describe(ages.update([reading([(11, 5), (12, 0)])], now: 104)) == ["5 4.0"])
  }

  @Test func anInodeIsOneSocketAndAsOldAsTheOldest() {
    var ages = CloseWaitAges()
    _ = ages.update([reading([(11, 5)])], now: 100)
    #expect(describe(ages.update([reading([(12, 5), (11, 5)])], now: 109)) == ["5 9.0"])
  }

  @Test func oneCookieInTwoNamespacesIsTwoSockets() {
    var ages = CloseWaitAges()
    _ = ages.update([reading([(11, 5)])], now: 100)
    let both = ages.update([reading([(11, 5)]), reading([(11, 6)], in: 2)], now: 103)
    #expect(describe(both) == ["5 3.0", "6 0.0"])
  }

  @Test func withoutCookiesTheInodeTells() {
    var ages = CloseWaitAges()
    _ = ages.update([reading([(0, 5), (0, 6)])], now: 100)
    #expect(describe(ages.update([reading([(0, 6)])], now: 102)) == ["6 2.0"])
  }
}
