internal import ArgumentParser
internal import Sampling
internal import SocketModel

/// What to sample, the same for every command.
struct SamplingOptions: ParsableArguments {
  @Flag(
    name: .customLong("collector.sockstat"), inversion: .prefixedNo,
    help: "/proc/net/sockstat and sockstat6.")
  var collectsSockstat = true

  @Flag(
    name: .customLong("collector.tcp"), inversion: .prefixedNo,
    help: "TCP sockets by state.")
  var collectsTCP = true

  @Flag(
    name: .customLong("collector.process"), inversion: .prefixedNo,
    help: "Descriptors and sockets of processes.")
  var collectsProcess = true

  @Flag(
    name: .customLong("collector.zombie"), inversion: .prefixedNo,
    help: "Zombie processes by parent.")
  var collectsZombie = true

  @Option(
    name: .customLong("process.max-groups"), parsing: .unconditional,
    help: ArgumentHelp(
      "Process groups with series of their own; the rest is summed into 'other'. (default: 200)",
      valueName: "count"),
    transform: { try parseCount($0, in: 1...10_000) })
  var maxGroups = 200

  @Option(
    name: .customLong("process.top"), parsing: .unconditional,
    help: ArgumentHelp(
      "Processes named one by one, those with most sockets; 0 for none. (default: 20)",
      valueName: "count"),
    transform: { try parseCount($0, in: 0...10_000) })
  var top = 20

  @Option(
    name: .customLong("path.procfs"), parsing: .unconditional,
    help: ArgumentHelp("Where the proc filesystem is mounted.", valueName: "directory"))
  var procfsPath = "/proc"

  private var isOn: [(Collector, Bool)] {
    [
      (.sockstat, collectsSockstat), (.tcp, collectsTCP), (.process, collectsProcess),
      (.zombie, collectsZombie),
    ]
  }

  func validate() throws {
    guard isOn.contains(where: \.1) else {
      throw ValidationError("every collector is switched off: leave at least one on")
    }
  }

  /// The collectors that are on, in the order of the page.
  var collectors: [Collector] { isOn.filter(\.1).map(\.0) }

  /// The sampler that does this.
  /// - Throws: `ValidationError` where the proc filesystem cannot be opened.
  func sampler(
    interval: Duration, report: @escaping @Sendable (Sampler.Event) -> Void
  ) throws -> Sampler {
    let configuration = Sampler.Configuration(
      interval: interval, collectors: Set(collectors), procfsPath: procfsPath,
      maxGroups: maxGroups, top: top)
    do {
      return try Sampler(configuration, report: report)
    } catch {
      throw ValidationError(
        "The value '\(procfsPath)' is invalid for '--path.procfs <directory>': \(error)")
    }
  }
}

/// Reads a number within bounds.
func parseCount(_ text: String, in range: ClosedRange<Int>) throws -> Int {
  guard let count = Int(text), range.contains(count) else {
    throw ValidationError("expected a number from \(range.lowerBound) to \(range.upperBound)")
  }
  return count
}
