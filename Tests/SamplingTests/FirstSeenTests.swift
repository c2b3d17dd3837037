import TestSupport
import Testing

@testable import Sampling

struct FirstSeenTests {
  @Test func agesGrowWhileAKeyStays() {
    var seen = FirstSeen<UInt64>()
    #expect(seen.since(1) == nil)
    seen.update([3, 1], now: 100)
    seen.update([1, 2, 3], now: 105)
    seen.update([2, 1], now: 160)
    #expect(seen.since(1) == 100)
    #expect(seen.since(2) == 105)
    #expect(seen.since(3) == nil)
    #expect(seen.count == 2)
  }

  @Test func whatWasGoneBeginsAnew() {
    var seen = FirstSeen<UInt64>()
    seen.update([1], now: 100)
    seen.update([], now: 105)
    #expect(seen.count == 0)
    seen.update([1], now: 110)
    #expect(seen.since(1) == 110)
  }

  @Test func newOnesMayHaveAnAgeOldOnesKeepTheirs() {
    var seen = FirstSeen<UInt64>()
    var asked: [UInt64] = []
    seen.update([1, 2], now: 100) { key in
      asked.append(key)
      return key == 2 ? 40 : 0
    }
    #expect(asked == [1, 2])
    seen.update([1, 2, 3], now: 110) { key in
      asked.append(key)
      return 1000
    }
    #expect(asked == [1, 2, 3])
    #expect(seen.since(1) == 100)
    #expect(seen.since(2) == 60)
    #expect(seen.since(3) == -890)
  }

  @Test func aKeyThatRepeatsIsOne() {
    var seen = FirstSeen<UInt64>()
    seen.update([5, 1, 5, 5, 1], now: 1)
    #expect(seen.count == 2)
    seen.update([5, 5], now: 2)
    #expect(seen.count == 1)
    #expect(seen.since(5) == 1)
  }

  @Test func tellsZombiesOfOneIDApart() {
    var seen = FirstSeen<ProcessWalk.Zombie.Identity>()
    let first = ProcessWalk.Zombie.Identity(pid: 7, startTicks: 100)
    let second = ProcessWalk.Zombie.Identity(pid: 7, startTicks: 900)
    seen.update([first], now: 10)
    seen.update([second], now: 20)
    #expect(seen.since(first) == nil)
    #expect(seen.since(second) == 20)
  }

  @Test func holdsNoMoreThanThereAre() {
    var seen = FirstSeen<UInt64>()
    for round in 0..<6 as Range<UInt64> {
      // Half of them stay, half are new.
      let keys = (0..<100_000 as Range<UInt64>).map { $0 &+ round &* 50_000 }
      seen.update(keys.reversed(), now: Double(round))
      #expect(seen.count == 100_000)
    }
    #expect(seen.since(5 * 50_000) == 4)
    #expect(seen.since(5 * 50_000 + 99_999) == 5)
    #expect(seen.since(5 * 50_000 - 1) == nil)
  }

  @Test func agreesWithADictionary() {
    var random = SeededGenerator(seed: 4)
    var seen = FirstSeen<UInt64>()
    var expected: [UInt64: Double] = [:]
    for round in 0..<300 {
      let keys = (0..<Int.random(in: 0...60, using: &random)).map { _ in
        UInt64.random(in: 0...80, using: &random)
      }
      seen.update(keys, now: Double(round))
      expected = Dictionary(keys.map { ($0, expected[$0] ?? Double(round)) }) { first, _ in first }
      for key in 0...81 as ClosedRange<UInt64> { #expect(seen.since(key) == expected[key]) }
    }
  }
}
