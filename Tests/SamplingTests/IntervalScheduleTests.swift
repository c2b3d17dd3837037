import Testing

@testable import Sampling

struct IntervalScheduleTests {
  private let beginning = ContinuousClock.now

  private func offset(after elapsed: Duration, interval: Duration = .seconds(5)) -> Duration {
    let schedule = IntervalSchedule(beginning: beginning, interval: interval)
    return schedule.next(after: beginning + elapsed) - beginning
  }

  @Test func keepsToWholeIntervals() {
    #expect(offset(after: .zero) == .seconds(5))
    #expect(offset(after: .milliseconds(900)) == .seconds(5))
    #expect(offset(after: .milliseconds(4999)) == .seconds(5))
  }

  @Test func leavesOutWhatASlowSampleMissed() {
    #expect(offset(after: .seconds(5)) == .seconds(10))
    #expect(offset(after: .seconds(12)) == .seconds(15))
    #expect(offset(after: .seconds(3600) + .nanoseconds(1)) == .seconds(3605))
  }

  @Test func doesNotDrift() {
    let schedule = IntervalSchedule(beginning: beginning, interval: .milliseconds(100))
    var now = beginning
    for _ in 0..<100_000 {
      // Each sample takes a little, and the sleep after it ends a little late.
      now = schedule.next(after: now + .milliseconds(3)) + .microseconds(70)
    }
    #expect(now - beginning == .milliseconds(100) * 100_000 + .microseconds(70))
  }

  @Test func neverIsDueInThePast() {
    let schedule = IntervalSchedule(beginning: beginning, interval: .milliseconds(300))
    for step in 0..<10_000 {
      let now = beginning + .microseconds(step * 7919)
      let next = schedule.next(after: now)
      #expect(next > now && next - now <= .milliseconds(300))
    }
  }
}
