internal import SocketModel

/// What an operator is told of collectors that run less often than asked for: once that one does, and
/// once that it keeps up again, not each time that one near its limit goes to and fro.
struct Slowdowns {
  enum News: Equatable {
    case slowed, keepsUp
  }

  /// After so many samples at the interval that was asked for, a collector keeps up again: five minutes
  /// by default.
  static let samplesToKeepUp = 60

  /// For each collector that was told of, how many samples in a row have been at that interval since.
  private var inTime: [Collector: Int] = [:]

  /// Takes notice of a sample.
  /// - Returns: what is to be told; nil where that is nothing.
  mutating func sampled(_ collector: Collector, isSlowed: Bool) -> News? {
    if isSlowed {
      return inTime.updateValue(0, forKey: collector) == nil ? .slowed : nil
    }
    guard let samples = inTime[collector] else { return nil }
    inTime[collector] = samples + 1
    guard samples + 1 == Self.samplesToKeepUp else { return nil }
    inTime[collector] = nil
    return .keepsUp
  }
}
