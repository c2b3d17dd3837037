import SocketModel
import Testing

@testable import Sampling

struct SlowdownsTests {
  @Test func oneThatGoesToAndFroIsToldOnce() {
    var slowdowns = Slowdowns()
    #expect(slowdowns.sampled(.process, isSlowed: false) == nil)
    #expect(slowdowns.sampled(.process, isSlowed: true) == .slowed)
    for _ in 0..<5 {
      for _ in 1..<Slowdowns.samplesToKeepUp {
        #expect(slowdowns.sampled(.process, isSlowed: false) == nil)
      }
      #expect(slowdowns.sampled(.process, isSlowed: true) == nil)
    }
  }

  @Test func afterAWhileItKeepsUpAgainAndIsToldAnew() {
    var slowdowns = Slowdowns()
    #expect(slowdowns.sampled(.tcp, isSlowed: true) == .slowed)
    #expect(slowdowns.sampled(.process, isSlowed: true) == .slowed)
    let news = (0..<Slowdowns.samplesToKeepUp).compactMap { _ in
      slowdowns.sampled(.tcp, isSlowed: false)
    }
    #expect(news == [.keepsUp])
    #expect(slowdowns.sampled(.tcp, isSlowed: false) == nil)
    #expect(slowdowns.sampled(.tcp, isSlowed: true) == .slowed)
    #expect(slowdowns.sampled(.process, isSlowed: true) == nil)
  }
}
