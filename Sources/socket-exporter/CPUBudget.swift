internal import ArgumentParser

/// How much of one core the samples may take: `2%`, `0.5%`, `off`.
struct CPUBudget: Sendable, Equatable {
  /// 0.02 for 2 %; nil for no bound.
  let share: Double?

  static let standard = CPUBudget(share: 0.02)

  private init(share: Double?) {
    self.share = share
  }

  init(parsing text: String) throws {
    if text == "off" {
      share = nil
      return
    }
    guard text.last == "%", let percent = Double(text.dropLast()), percent >= 0.01,
      percent <= 100
    else { throw ValidationError("expected a percentage from 0.01% to 100%, or off") }
    share = percent / 100
  }
}
