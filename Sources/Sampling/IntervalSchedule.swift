/// When samples are due: at whole intervals from a beginning, so that the time a sample takes does
/// not shift the next. Where one takes longer than an interval, the moments it missed are left out.
struct IntervalSchedule: Equatable {
  private let beginning: ContinuousClock.Instant
  private let interval: Duration

  init(beginning: ContinuousClock.Instant, interval: Duration) {
    self.beginning = beginning
    self.interval = interval
  }

  /// The first due moment after `now`.
  func next(after now: ContinuousClock.Instant) -> ContinuousClock.Instant {
    guard now >= beginning else { return beginning }
    let passed = (now - beginning).attoseconds / interval.attoseconds
    return beginning + Duration(attoseconds: (passed + 1) * interval.attoseconds)
  }
}
