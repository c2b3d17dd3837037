import SocketModel
import TestSupport
import Testing

@testable import Sampling

struct CollectorScheduleTests {
  private static let interval = Duration.seconds(5)
  /// What is left of it for collectors is 2 %.
  private static let budget = 0.02 / (1 - CollectorSchedule.reserve)
  /// What all samples together may cost in one interval.
  private static let affordable = interval * (budget * (1 - CollectorSchedule.reserve))
  private let beginning = ContinuousClock.now

  /// Samples again and again at every tick.
  private struct Run {
    var schedule: CollectorSchedule
    let beginning: ContinuousClock.Instant
    var tick = 0
    var spent = Duration.zero
    /// The ticks that each collector ran at.
    var ran: [Collector: [Int]] = [:]

    /// - Parameter cost: what a sample of a collector costs.
    mutating func go(_ ticks: Int, _ cost: (Collector) -> Duration) {
      for _ in 0..<ticks {
        let now = beginning + interval * tick
        let due = schedule.due(at: now)
        var costs: [Collector: Duration] = [:]
        for collector in due {
          costs[collector] = cost(collector)
          ran[collector, default: []].append(tick)
        }
        spent += costs.values.reduce(.zero, +)
        schedule.settle(costs, begun: now)
        tick += 1
      }
    }
  }

  private func run(
    budget: Double? = budget, _ collectors: Set<Collector> = Set(Collector.allCases),
    processNeedsTables: Bool = true
  ) -> Run {
    var schedule = CollectorSchedule(
      interval: Self.interval, budget: budget, collectors: collectors)
    schedule.processNeedsTables = processNeedsTables
    return Run(schedule: schedule, beginning: beginning)
  }

  @Test func allAreDueAtFirst() {
    var run = run()
    #expect(run.schedule.due(at: beginning) == Set(Collector.allCases))
    #expect(run.schedule.interval(of: .process) == Self.interval)
    run.go(10) { _ in .milliseconds(1) }
    for collector in Collector.allCases { #expect(run.ran[collector]?.count == 10) }
  }

  @Test func aTickThatComesEarlyOrLateIsTheSameTick() {
    var schedule = CollectorSchedule(
      interval: Self.interval, budget: nil, collectors: [.sockstat])
    schedule.settle([.sockstat: .zero], begun: beginning + .milliseconds(900))
    #expect(schedule.due(at: beginning + .milliseconds(1000)).isEmpty)
    #expect(schedule.due(at: beginning + .seconds(5)) == [.sockstat])
  }

  @Test func whatIsExpectedToCostLessComesEarlier() {
    var run = run()
    run.go(1) { $0 == .process ? .seconds(1) : .zero }
    #expect(run.schedule.interval(of: .process) == .seconds(50))
    run.schedule.expectLowerCost(of: [.process], share: 0.3)
    #expect(!run.schedule.due(at: beginning + .seconds(10)).contains(.process))
    #expect(run.schedule.due(at: beginning + .seconds(15)).contains(.process))
    // It has cost less indeed, so it comes with each tick from then on.
    run.tick = 3
    run.go(3) { _ in .milliseconds(1) }
    #expect(run.ran[.process] == [0, 3, 4, 5])
    #expect(run.schedule.interval(of: .process) == Self.interval)
  }

  @Test func zombiesThatTheProcessCollectorMeetsAreNoCheaperAlone() {
    var run = run([.process, .zombie])
    // Alone they take more than a tick may cost; beside the walk nothing.
    for _ in 0..<3 {
      run.go(1) { $0 == .process ? .milliseconds(1) : .zero }
      run.schedule.settle(
        [.zombie: .milliseconds(400)], begun: beginning + Self.interval * run.tick)
    }
    #expect(run.schedule.interval(of: .zombie) > Self.interval)
    run.schedule.settle(
      [.process: .milliseconds(1), .zombie: .zero], begun: beginning + Self.interval * run.tick)
    #expect(run.schedule.interval(of: .zombie) > Self.interval)
  }

  @Test func withoutABudgetNobodyWaits() {
    var run = run(budget: nil)
    run.go(10) { _ in .seconds(100) }
    for collector in Collector.allCases {
      #expect(run.ran[collector]?.count == 10)
      #expect(run.schedule.interval(of: collector) == Self.interval)
    }
  }

  @Test func onlyWhatIsOnRuns() {
    var run = run([.process, .sockstat])
    run.go(3) { _ in .zero }
    #expect(Set(run.ran.keys) == [.process, .sockstat])
    #expect(run.schedule.interval(of: .tcp) == Self.interval)
  }

  @Test func aDearOnePaysWithWaitingAndTheCheapOnesDoNot() {
    var run = run()
    run.go(1000) { $0 == .process ? .seconds(1) : .zero }
    // Alone it may take the whole budget: one second of fifty.
    #expect(run.schedule.interval(of: .process) == .seconds(50))
    #expect(run.ran[.process] == Array(stride(from: 0, to: 1000, by: 10)))
    for collector in Collector.allCases where collector != .process {
      #expect(run.ran[collector]?.count == 1000)
      #expect(run.schedule.interval(of: collector) == Self.interval)
    }
  }

  @Test func twoDearOnesShareWhatTheCheapOnesLeave() {
    var run = run()
    let cheap = Self.affordable * 0.1
    run.go(2000) { collector in
      switch collector {
      case .zombie, .limit: .seconds(1)
      case .sockstat: cheap
      default: .zero
      }
    }
    // 90 % of a tenth of a second a tick for two, 45 ms each: a second takes 22.2 ticks.
    for collector in [Collector.zombie, .limit] {
      #expect(run.schedule.interval(of: collector) == Self.interval * 23)
    }
    #expect(run.ran[.sockstat]?.count == 2000)
  }

  @Test func whoBecomesCheapKeepsUpAgain() {
    var run = run()
    run.go(30) { $0 == .zombie ? .seconds(1) : .zero }
    #expect(run.schedule.interval(of: .zombie) > Self.interval)
    // It runs once more at its own pace, and then with each tick.
    run.go(10) { _ in .zero }
    let before = run.ran[.zombie]?.count ?? 0
    run.go(10) { _ in .zero }
    #expect(run.schedule.interval(of: .zombie) == Self.interval)
    #expect(run.ran[.zombie]?.count == before + 10)
  }

  @Test func theProcessCollectorBringsTCPAlong() {
    var run = run()
    run.go(500) { collector in
      switch collector {
      case .tcp: .milliseconds(300)
      case .process: .milliseconds(900)
      default: .zero
      }
    }
    let tcp = Set(run.ran[.tcp] ?? [])
    #expect(Set(run.ran[.process] ?? []).isSubset(of: tcp))
    #expect(run.ran[.tcp] == run.ran[.listener])
    #expect(run.ran[.tcp] == run.ran[.port])
  }

  /// Many connections of few processes: the walk is cheap and the dump that it needs is not.
  @Test func aCheapWalkDoesNotOrderADearDump() {
    var run = run()
    run.go(1000) { $0 == .tcp ? .seconds(1) : .zero }
    #expect(run.schedule.interval(of: .process) == .seconds(50))
    #expect(run.schedule.interval(of: .tcp) == .seconds(50))
    #expect(run.ran[.process] == Array(stride(from: 0, to: 1000, by: 10)))
    #expect(run.ran[.tcp] == run.ran[.process])
    #expect(run.ran[.zombie]?.count == 1000)
  }

  /// By the kernel's iterator the walk is cheap, and does without the dump.
  @Test func aCheapWalkThatNeedsNoDumpRunsOftener() {
    var run = run(processNeedsTables: false)
    run.go(1000) { collector in
      switch collector {
      case .tcp: .milliseconds(900)
      case .process: .milliseconds(120)
      default: .zero
      }
    }
    // Half of the 100 ms a tick for each: the walk takes 2.4 ticks of them, the dump 18 of what is left.
    #expect(run.schedule.interval(of: .process) == Self.interval * 3)
    #expect(run.schedule.interval(of: .tcp) == Self.interval * 18)
    #expect(run.ran[.process] == Array(stride(from: 0, to: 1000, by: 3)))
    #expect(run.ran[.tcp] == Array(stride(from: 0, to: 1000, by: 18)))
    #expect(run.ran[.listener] == run.ran[.tcp])
  }

  /// To wait for the next whole multiple would nearly double the pause of one of them.
  @Test func twoThatCostAboutTheSameRunTogether() {
    var run = run(processNeedsTables: false)
    run.go(1000) { collector in
      switch collector {
      case .tcp: .milliseconds(500)
      case .process: .milliseconds(450)
      default: .zero
      }
    }
    #expect(run.schedule.interval(of: .process) == run.schedule.interval(of: .tcp))
    #expect(run.schedule.interval(of: .tcp) == Self.interval * 10)
    #expect(run.ran[.process] == run.ran[.tcp])
  }

  /// The dump alone is brought forward, and waits for no more than the next walk.
  @Test func theDumpIsExpectedToCostLessWhateverTheWalkDoes() {
    var run = run(processNeedsTables: false)
    run.go(4) { collector in
      switch collector {
      case .tcp: .milliseconds(900)
      case .process: .milliseconds(120)
      default: .zero
      }
    }
    #expect(run.ran[.tcp] == [0])
    #expect(run.ran[.process] == [0, 3])
    run.schedule.expectLowerCost(of: CollectorSchedule.tcp, share: 0.2)
    run.go(6) { _ in .zero }
    #expect(run.ran[.tcp]?.dropFirst().first == 6)
  }

  /// Many descriptors that are no sockets.
  @Test func aDearWalkThatNeedsNoDumpComesWithOne() {
    var run = run(processNeedsTables: false)
    run.go(1000) { collector in
      switch collector {
      case .tcp: .milliseconds(120)
      case .process: .milliseconds(900)
      default: .zero
      }
    }
    #expect(run.ran[.tcp] == Array(stride(from: 0, to: 1000, by: 3)))
    #expect(run.ran[.process] == Array(stride(from: 0, to: 1000, by: 18)))
  }

  /// When the iterator fails, and when what it costs changes, which puts the two out of step.
  @Test func theSeldomerOneWaitsForTheOther() {
    var run = run(processNeedsTables: false)
    var random = SeededGenerator(seed: 1)
    run.go(500) { collector in
      switch collector {
      case .tcp: .milliseconds(.random(in: 400...900, using: &random))
      case .process: .milliseconds(.random(in: 50...300, using: &random))
      default: .zero
      }
    }
    #expect(Set(run.ran[.tcp] ?? []).isSubset(of: run.ran[.process] ?? []))
    #expect((run.ran[.process]?.count ?? 0) > 2 * (run.ran[.tcp]?.count ?? 0))
    run.schedule.processNeedsTables = true
    let before = run.tick
    run.go(500) { [.tcp, .process].contains($0) ? .milliseconds(400) : .zero }
    let processes = (run.ran[.process] ?? []).filter { $0 >= before }
    #expect(processes.count > 10)
    #expect(Set(processes).isSubset(of: run.ran[.tcp] ?? []))
  }

  /// Whatever the samples cost: over a long time they cost no more than the budget, beside the first
  /// of each, which nobody could foresee.
  @Test(arguments: 0..<20 as Range<UInt64>, [true, false])
  func neverTakesMoreThanTheBudget(seed: UInt64, processNeedsTables: Bool) {
    var random = SeededGenerator(seed: seed)
    var costs: [Collector: Duration] = [:]
    for collector in Collector.allCases {
      costs[collector] = .seconds(10) * .random(in: -18...0, using: &random).exponential
    }
    var run = run(processNeedsTables: processNeedsTables)
    let ticks = 2000
    run.go(ticks) { costs[$0] ?? .zero }
    let first = costs.values.reduce(.zero, +)
    #expect(run.spent <= Self.affordable * ticks + first, "\(run.spent) \(costs)")
    // What is cheaper than its equal part of the budget never waits.
    for collector in [Collector.sockstat, .zombie, .limit] {
      if let cost = costs[collector], cost <= Self.affordable / 5 {
        #expect(run.ran[collector]?.count == ticks, "\(collector)")
      }
    }
  }

  /// Costs that change from sample to sample are paid for after the sample, so at most one sample of
  /// each collector is not paid for yet.
  @Test(arguments: 0..<5 as Range<UInt64>)
  func isNotFooledByCostsThatChange(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var run = run()
    let ticks = 2000
    run.go(ticks) { _ in
      .seconds(10) * Double.random(in: -18...0, using: &random).exponential
    }
    // What is over is less than what is kept in reserve.
    #expect(run.spent <= Self.interval * Self.budget * ticks * 1.05, "\(run.spent)")
  }
}

extension Double {
  /// Two to the power of it.
  fileprivate var exponential: Double {
    let whole = rounded(.down)
    return Double(sign: .plus, exponent: Int(whole), significand: 1 + (self - whole))
  }
}
