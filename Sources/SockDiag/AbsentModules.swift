/// Remembers what the kernel has no module to tell of, and that it refuses TCP's sockets of both
/// families at once. Each such request makes a modular kernel run modprobe(8), and the answer seldom
/// changes; so it is not asked again for a while.
struct AbsentModules {
  /// For how long a module that was loaded in the meantime goes unnoticed.
  static let interval: Duration = .seconds(300)

  /// When each was found absent last.
  private var since: [DumpRequest.Module: SuspendingClock.Instant] = [:]

  /// The kernel has just refused.
  mutating func insert(_ module: DumpRequest.Module, now: SuspendingClock.Instant) {
    since[module] = now
  }

  /// Whether to take it for absent without asking.
  func contains(_ module: DumpRequest.Module, now: SuspendingClock.Instant) -> Bool {
    guard let found = since[module] else { return false }
    return now < found + Self.interval
  }
}
