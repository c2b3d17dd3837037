import SocketModel
import Testing

@testable import Sampling

struct StalenessTests {
  private let taken = ContinuousClock.now

  private var snapshot: Snapshot {
    var snapshot = Snapshot(backend: .procfsAndSockDiag)
    snapshot.tcp = []
    snapshot.sockstat = []
    snapshot.collectors = [Collector.sockstat, .tcp].map {
      var status = CollectorStatus(collector: $0, interval: .seconds(5))
      status.succeeded = true
      status.lastSuccess = SampleTime(timestampSeconds: 1000, instant: taken)
      return status
    }
    return snapshot
  }

  @Test func fiveIntervalsAreNotYetStale() {
    var snapshot = snapshot
    snapshot.dropStale(at: taken + .seconds(25))
    #expect(snapshot == self.snapshot)
  }

  @Test func whatIsOlderIsDroppedAndDoesNotSucceed() {
    var snapshot = snapshot
    snapshot.collectors[1].lastSuccess = SampleTime(
      timestampSeconds: 1020, instant: taken + .seconds(20))
    snapshot.dropStale(at: taken + .seconds(26))
    #expect(snapshot.sockstat == nil)
    #expect(snapshot.tcp != nil)
    #expect(snapshot.collectors.map(\.succeeded) == [false, true])
    #expect(snapshot.collectors[0].lastSuccess?.timestampSeconds == 1000)
  }

  @Test func aSlowSampleDoesNotMakeWhatItJustReadStale() {
    var snapshot = snapshot
    snapshot.sampleDuration = .seconds(30)
    let slow = snapshot
    snapshot.dropStale(at: taken + .seconds(150))
    #expect(snapshot == slow)
    snapshot.dropStale(at: taken + .seconds(151))
    #expect(snapshot.tcp == nil)
  }

  @Test func aSampleThatHungDoesNotKeepOldNumbersForEver() {
    var snapshot = snapshot
    snapshot.sampleDuration = .seconds(86_400)
    snapshot.dropStale(at: taken + .seconds(300))
    #expect(snapshot.tcp != nil)
    snapshot.dropStale(at: taken + .seconds(301))
    #expect(snapshot.tcp == nil)
  }

  @Test func eachCollectorHasFiveOfItsOwnIntervals() {
    var snapshot = snapshot
    // It was slowed down, because of what it costs.
    snapshot.collectors[1].interval = .seconds(50)
    #expect(snapshot.staleAge == .seconds(25))
    snapshot.dropStale(at: taken + .seconds(250))
    #expect(snapshot.sockstat == nil)
    #expect(snapshot.tcp != nil)
    #expect(snapshot.collectors.map(\.succeeded) == [false, true])
    snapshot.dropStale(at: taken + .seconds(251))
    #expect(snapshot.tcp == nil)
  }

  @Test func cachePublishesAnewOnlyWhenSomethingIsDropped() async {
    let cache = SnapshotCache { snapshot in snapshot }
    #expect(cache.published == nil)
    await cache.publish(snapshot)
    #expect(cache.published?.rendered == snapshot)
    #expect(cache.published?.sampled?.timestampSeconds == 1000)
    await cache.dropStale(at: taken + .seconds(25))
    #expect(cache.published?.rendered == snapshot)
    await cache.dropStale(at: taken + .seconds(26))
    #expect(cache.published?.rendered.tcp == nil)
    #expect(cache.published?.rendered.collectors.map(\.succeeded) == [false, false])
    #expect(cache.published?.sampled?.timestampSeconds == 1000)
  }
}
