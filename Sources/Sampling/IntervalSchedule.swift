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
    let missed = ((now - beginning) / interval).rounded(.down)
    let due = beginning + interval * missed
    // Division rounds: the result may be the moment itself.
    return due > now ? due : due + interval
  }
}
