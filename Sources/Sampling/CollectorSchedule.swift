internal import SocketModel

/// When each collector is due, so that all of them together stay within a share of one core.
///
/// A collector runs with every tick of the interval, as long as that is affordable. What its last
/// sample cost must be paid with waiting before the next one begins: a sample of one second at 2 % of
/// a core is followed by fifty seconds of rest. The budget goes to the cheapest first, each
/// at most its equal part of what is left, so a cheap collector never waits because of a dear one.
///
/// Where the process collector needs the dump of the TCP sockets, all that ask of TCP come with it. It
/// therefore runs no more often than they may, and what they ran before their time they wait for
/// later: otherwise a cheap walk would order a dear dump with every tick.
///
/// Where it needs none, whichever of the two may run less often waits for a tick of the other: then
/// the listeners find their owners, and the numbers of both are of one moment.
struct CollectorSchedule {
  /// What becomes due together, because it is read together.
  private struct Account {
    var collectors: [Collector]
    /// CPU time of the last sample.
    var cost = Duration.zero
    /// When it is to run next; nil where it has not run yet.
    var next: ContinuousClock.Instant?
    /// When it ran last.
    var last: ContinuousClock.Instant?
    var interval: Duration
  }

  /// Those that a dump of the TCP sockets answers.
  static let tcp: [Collector] = [.tcp, .listener, .port]

  /// What of the budget is left to what no collector is charged with: rendering, scrapes, waking up.
  static let reserve = 0.1

  /// Whether the process collector needs the dump of the TCP sockets.
  var processNeedsTables = true

  private let interval: Duration
  /// The part of one core that all samples together may take; nil for no bound.
  private let budget: Double?
  private var accounts: [Account]

  init(interval: Duration, budget: Double?, collectors: Set<Collector>) {
    self.interval = interval
    self.budget = budget
    let together: [[Collector]] = [
      [.sockstat], Self.tcp, [.process], [.zombie], [.limit],
    ]
    accounts = together.compactMap { group in
      let on = group.filter(collectors.contains)
      return on.isEmpty ? nil : Account(collectors: on, interval: interval)
    }
  }

  /// The collectors to run at a tick.
  func due(at now: ContinuousClock.Instant) -> Set<Collector> {
    // A tick may come a little early; it is the same tick.
    let soon = now + interval / 2
    var due = Set(accounts.indices.filter { accounts[$0].next.map { $0 <= soon } ?? true })
    if let process = place(of: [.process]), let tcp = place(of: Self.tcp) {
      if processNeedsTables {
        if due.contains(process) { due.insert(tcp) }
      } else {
        let isOftener = accounts[process].interval <= accounts[tcp].interval
        let (often, seldom) = isOftener ? (process, tcp) : (tcp, process)
        if !due.contains(often) { due.remove(seldom) }
      }
    }
    return Set(due.flatMap { accounts[$0].collectors })
  }

  private func place(of collectors: [Collector]) -> Int? {
    accounts.firstIndex { !$0.collectors.filter(collectors.contains).isEmpty }
  }

  /// Tells what a tick has cost, and decides when each collector that ran runs next.
  /// - Parameter costs: CPU time by collector, of those that ran.
  mutating func settle(_ costs: [Collector: Duration], begun tick: ContinuousClock.Instant) {
    let ran = accounts.indices.filter { index in
      accounts[index].collectors.contains { costs[$0] != nil }
    }
    for index in ran {
      let cost = accounts[index].collectors.reduce(.zero) { $0 + (costs[$1] ?? .zero) }
      // Zombies are met on the walk that the process collector pays for; alone they cost more, and
      // that is forgotten by half each time.
      let isShared = accounts[index].collectors == [.zombie] && costs[.process] != nil
      accounts[index].cost = isShared ? max(cost, accounts[index].cost / 2) : cost
    }
    let intervals = affordableIntervals()
    for index in ran {
      accounts[index].interval = intervals[index]
      accounts[index].next = max(tick, accounts[index].next ?? tick) + intervals[index]
      accounts[index].last = tick
    }
  }

  /// Brings forward collectors that become due together, where they wait because of what they cost, now
  /// that there is reason to believe that they will cost less.
  /// - Parameter share: of the last cost, between 0 and 1.
  mutating func expectLowerCost(of collectors: [Collector], share: Double) {
    guard let index = place(of: collectors), let next = accounts[index].next,
      let last = accounts[index].last
    else { return }
    accounts[index].next = min(next, last + max(accounts[index].interval * share, interval))
  }

  /// The interval of a collector as it is now.
  func interval(of collector: Collector) -> Duration {
    accounts.first { $0.collectors.contains(collector) }?.interval ?? interval
  }

  private func affordableIntervals() -> [Duration] {
    var intervals = accounts.map { _ in interval }
    guard let budget else { return intervals }
    var left = budget * (1 - Self.reserve)
    let cheapestFirst = accounts.indices.sorted { accounts[$0].cost < accounts[$1].cost }
    for (rank, index) in cheapestFirst.enumerated() {
      let part = left / Double(accounts.count - rank)
      let wanted = accounts[index].cost / interval
      if wanted > part {
        // Whole ticks, for nothing happens between them.
        intervals[index] = interval * Int((wanted / part).rounded(.up))
      }
      left -= min(wanted, part)
    }
    if let process = place(of: [.process]), let tcp = place(of: Self.tcp) {
      if processNeedsTables {
        intervals[process] = max(intervals[process], intervals[tcp])
      } else {
        let isOftener = intervals[process] <= intervals[tcp]
        let (often, seldom) = isOftener ? (process, tcp) : (tcp, process)
        // The nearest whole number of times, so that neither waits much longer than it would alone.
        let times = Int((intervals[seldom] / intervals[often]).rounded())
        let ticks = intervals[seldom] / (interval * times)
        intervals[often] = max(intervals[often], interval * Int(ticks.rounded(.up)))
        intervals[seldom] = intervals[often] * times
      }
    }
    return intervals
  }
}
