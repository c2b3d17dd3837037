import Testing

@testable import Sampling

struct CloseWaitAgesTests {
  /// What is told of the sockets one time after the other.
  private struct Sightings {
    var ages = CloseWaitAges()

    /// Sockets of the tables, those that wait for accept(2) among them.
    mutating func tables(
      _ sockets: [(cookie: UInt64, inode: UInt32)],
      elsewhere: [(cookie: UInt64, inode: UInt32)] = [],
      ages initialAges: [UInt64: Double] = [:], at now: Double
    ) -> [String] {
      update([1: sockets, 2: elsewhere], initialAges, includesWaiting: true, now)
    }

    /// Sockets that processes hold.
    mutating func pass(_ sockets: [(cookie: UInt64, inode: UInt32)], at now: Double) -> [String] {
      update([1: sockets], [:], includesWaiting: false, now)
    }

    private mutating func update(
      _ sockets: [UInt64: [(cookie: UInt64, inode: UInt32)]], _ initialAges: [UInt64: Double],
      includesWaiting: Bool, _ now: Double
    ) -> [String] {
      ages.update(
        sockets.mapValues { $0.map { CloseWaitSocket(cookie: $0.cookie, inode: $0.inode) } },
        initialAges: initialAges, includesWaiting: includesWaiting, now: now
      ).map { "\($0.inode) \($0.ageSeconds)" }
    }
  }

  @Test func agesCountFromTheFirstSampleOrFromWhatTheKernelTells() {
    var seen = Sightings()
    #expect(seen.tables([(11, 1), (12, 2)], ages: [12: 30.5], at: 100) == ["1 0.0", "2 30.5"])
    #expect(
      seen.tables([(13, 3), (12, 2), (11, 1)], at: 107.25) == ["1 7.25", "2 37.75", "3 0.0"])
    // Who is gone is forgotten.
    _ = seen.tables([(13, 3)], at: 110)
    #expect(seen.tables([(11, 1)], at: 111) == ["1 0.0"])
  }

  @Test func whoWaitsForAcceptGrowsOldAsWell() {
    var seen = Sightings()
    #expect(seen.tables([(11, 0), (12, 0)], at: 100).isEmpty)
    #expect(seen.tables([(11, 5), (12, 0)], at: 104) == ["5 4.0"])
  }

  @Test func anInodeIsOneSocketAndAsOldAsTheOldest() {
    var seen = Sightings()
    _ = seen.tables([(11, 5)], at: 100)
    #expect(seen.tables([(12, 5), (11, 5)], at: 109) == ["5 9.0"])
  }

  @Test func oneCookieInTwoNamespacesIsTwoSockets() {
    var seen = Sightings()
    _ = seen.tables([(11, 5)], at: 100)
    #expect(seen.tables([(11, 5)], elsewhere: [(11, 6)], at: 103) == ["5 3.0", "6 0.0"])
  }

  @Test func withoutCookiesTheInodeTells() {
    var seen = Sightings()
    _ = seen.tables([(0, 5), (0, 6)], at: 100)
    #expect(seen.tables([(0, 6)], at: 102) == ["6 2.0"])
  }

  // MARK: Between two readings of the tables

  @Test func whoHasNoCookieYetIsAsOldWhenItHasOne() {
    var seen = Sightings()
    _ = seen.tables([(11, 1)], at: 100)
    #expect(seen.pass([(11, 1), (0, 2), (0, 3)], at: 105) == ["1 5.0", "2 0.0", "3 0.0"])
    #expect(seen.pass([(11, 1), (0, 2), (13, 3)], at: 107) == ["1 7.0", "2 2.0", "3 2.0"])
    #expect(seen.tables([(11, 1), (12, 2), (13, 3)], at: 110) == ["1 10.0", "2 5.0", "3 5.0"])
    #expect(seen.pass([(12, 2)], at: 111) == ["2 6.0"])
  }

  @Test func whoWaitsForAcceptIsNotForgotten() {
    var seen = Sightings()
    #expect(seen.tables([(11, 0), (12, 0)], at: 100).isEmpty)
    #expect(seen.pass([], at: 105).isEmpty)
    #expect(seen.pass([(11, 5)], at: 110) == ["5 10.0"])
    #expect(seen.tables([(11, 5), (12, 6)], at: 120) == ["5 20.0", "6 20.0"])
    // Who waits no more when the tables are read is gone.
    #expect(seen.tables([], at: 121).isEmpty)
    #expect(seen.pass([(12, 6)], at: 122) == ["6 0.0"])
  }

  /// The tables come from /proc/net, and somebody else asked for the cookies; or the tables have the
  /// subflows of a Multipath TCP socket, and the pass has that.
  @Test func sourcesThatTellOtherCookiesSpeakOfTheSameSocket() {
    var seen = Sightings()
    _ = seen.tables([(0, 5), (31, 7)], at: 100)
    #expect(seen.pass([(11, 5), (0, 7)], at: 102) == ["5 2.0", "7 2.0"])
    #expect(seen.tables([(0, 5), (31, 7)], at: 105) == ["5 5.0", "7 5.0"])
    #expect(seen.pass([(11, 5), (0, 7)], at: 107) == ["5 7.0", "7 7.0"])
  }

  @Test func aDescriptorOfTheSameSocketIsNotAnother() {
    var seen = Sightings()
    _ = seen.pass([(0, 5), (0, 5), (21, 7), (21, 7)], at: 100)
    #expect(seen.pass([(0, 5), (0, 5), (21, 7)], at: 101) == ["5 1.0", "7 1.0"])
  }
}
