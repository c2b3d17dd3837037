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
    help: "TCP sockets by state, their queues and timers, and what has happened to TCP.")
  var collectsTCP = true

  @Flag(
    name: .customLong("collector.process"), inversion: .prefixedNo,
    help: "Descriptors and sockets of processes.")
  var collectsProcess = true

  @Flag(
    name: .customLong("collector.listener"), inversion: .prefixedNo,
    help: "Listening sockets with their accept queues.")
  var collectsListener = true

  @Flag(
    name: .customLong("collector.port"), inversion: .prefixedNo,
    help: "Ephemeral ports in use towards each destination.")
  var collectsPort = true

  @Flag(
    name: .customLong("collector.zombie"), inversion: .prefixedNo,
    help: "Zombie processes by parent.")
  var collectsZombie = true

  @Flag(
    name: .customLong("collector.limit"), inversion: .prefixedNo,
    help: "Limits of the kernel.")
  var collectsLimit = true

  @Option(
    name: .customLong("backend"), parsing: .unconditional,
    help: ArgumentHelp(
      """
      How to find out what processes hold: by bpf, from procfs, or auto for the first of them that \
      works. (default: auto)
      """,
      valueName: "backend"),
    completion: .choices(of: BackendChoice.self), transform: parseChoice)
  var backend = BackendChoice.auto

  @Option(
    name: .customLong("netns"), parsing: .unconditional,
    help: ArgumentHelp(
      "Network namespaces to read: own or all. (default: own)", valueName: "scope"),
    completion: .choices(of: NamespaceScope.self), transform: parseChoice)
  var namespaces = NamespaceScope.own

  @Option(
    name: .customLong("process.group-by"), parsing: .unconditional,
    help: ArgumentHelp(
      "What makes processes one group: comm, exe, unit or container. (default: comm)",
      valueName: "key"),
    completion: .choices(of: GroupingKey.self), transform: parseChoice)
  var groupingKey = GroupingKey.comm

  @Option(
    name: .customLong("process.max-groups"), parsing: .unconditional,
    help: ArgumentHelp(
      """
      Process groups with series of their own; the rest is summed into 'other', one for each \
      network namespace. (default: 200)
      """,
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
    name: .customLong("close-wait.thresholds"), parsing: .unconditional,
    help: ArgumentHelp(
      "Ages that CLOSE_WAIT sockets are counted from, in whole seconds. (default: 10s,1m,5m,1h)",
      valueName: "durations"),
    transform: parseThresholds)
  var closeWaitThresholds: [UInt64] = [10, 60, 300, 3600]

  @Option(
    name: .customLong("path.procfs"), parsing: .unconditional,
    help: ArgumentHelp("Where the proc filesystem is mounted.", valueName: "directory"),
    completion: .directory)
  var procfsPath = "/proc"

  private var isOn: [(Collector, Bool)] {
    [
      (.sockstat, collectsSockstat), (.tcp, collectsTCP), (.process, collectsProcess),
      (.listener, collectsListener), (.port, collectsPort), (.zombie, collectsZombie),
      (.limit, collectsLimit),
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
    interval: Duration, cpuBudget: Double?, report: @escaping @Sendable (Sampler.Event) -> Void
  ) throws -> Sampler {
    let configuration = Sampler.Configuration(
      interval: interval, cpuBudget: cpuBudget, collectors: Set(collectors),
      procfsPath: procfsPath, backend: backend, namespaces: namespaces, groupingKey: groupingKey,
      maxGroups: maxGroups, top: top, closeWaitThresholds: closeWaitThresholds)
    do {
      return try Sampler(configuration, report: report)
    } catch let error as BackendUnavailable {
      throw ValidationError(
        "The value '\(backend.rawValue)' is invalid for '--backend <backend>': \(error)")
    } catch {
      throw ValidationError(
        "The value '\(procfsPath)' is invalid for '--path.procfs <directory>': \(error)")
    }
  }
}

/// Reads one of the names of a choice.
func parseChoice<Choice: CaseIterable & RawRepresentable<String>>(_ text: String) throws -> Choice {
  guard let choice = Choice(rawValue: text) else {
    let names = Choice.allCases.map(\.rawValue).joined(separator: ", ")
    throw ValidationError("expected one of \(names)")
  }
  return choice
}

extension CompletionKind {
  /// The names of a choice.
  static func choices<Choice: CaseIterable & RawRepresentable<String>>(of _: Choice.Type) -> Self {
    .list(Choice.allCases.map(\.rawValue))
  }
}

/// Reads ages that are whole seconds, each once; returns them ascending.
func parseThresholds(_ text: String) throws -> [UInt64] {
  let maximum = 10
  let ages = text.split(separator: ",", omittingEmptySubsequences: false).map { part in
    DurationArgument(String(part)).flatMap { age in
      age.duration.components.attoseconds == 0
        ? UInt64(exactly: age.duration.components.seconds) : nil
    }
  }
  let thresholds = Set(ages.compactMap(\.self)).sorted()
  guard thresholds.count == ages.count, thresholds.count <= maximum, thresholds.first != 0 else {
    throw ValidationError(
      "expected up to \(maximum) different durations of whole seconds, e.g. 10s,1m,5m")
  }
  return thresholds
}

/// Reads a number within bounds.
func parseCount(_ text: String, in range: ClosedRange<Int>) throws -> Int {
  guard let count = Int(text), range.contains(count) else {
    throw ValidationError("expected a number from \(range.lowerBound) to \(range.upperBound)")
  }
  return count
}
