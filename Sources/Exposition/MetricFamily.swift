/// What every series of one name has in common.
package struct MetricFamily: Sendable {
  package enum Kind: Sendable {
    case gauge, counter
  }

  /// A base unit. OpenMetrics wants the name to end in it.
  package enum Unit: Sendable {
    case bytes, seconds

    var name: StaticString {
      switch self {
      case .bytes: "bytes"
      case .seconds: "seconds"
      }
    }
  }

  /// The whole name, `_total` of a counter included.
  package let name: StaticString
  package let kind: Kind
  package let unit: Unit?
  /// The label names in the order in which samples give their values.
  package let labels: [StaticString]
  /// One or more whole sentences: what is counted, of what scope, and when it is absent.
  package let help: StaticString

  /// What stands in a sample before the value of each label, and before that of `netns` behind them:
  /// `name{first="`, `",second="`. Put together once, for a page has thousands of samples.
  let openings: [[UInt8]]

  package init(
    _ name: StaticString, _ kind: Kind, unit: Unit? = nil, labels: [StaticString] = [],
    help: StaticString
  ) {
    self.name = name
    self.kind = kind
    self.unit = unit
    self.labels = labels
    self.help = help
    openings = (labels + ["netns"]).enumerated().map { index, label in
      Array((index == 0 ? "\(name){" : "\",").utf8) + Array("\(label)=\"".utf8)
    }
  }
}
