internal import Foundation
internal import Glibc

/// The exporter under test.
package enum Exporter {
  /// The program: the one built with the tests, or the one `SOCKET_EXPORTER_BINARY` names.
  package static let path =
    ProcessInfo.processInfo.environment["SOCKET_EXPORTER_BINARY"]
    ?? BuiltProducts.path("socket-exporter")

  /// A command to run it by that makes the kernel refuse it netlink sockets.
  package static let withoutNetlink = [
    BuiltProducts.path("socket-actor"), "exec-without-netlink", "1",
  ]

  /// A command to run it by that makes the kernel refuse it bpf(2), with this error number.
  package static func withoutBPF(error: Int32) -> [String] {
    [BuiltProducts.path("socket-actor"), "exec-without-bpf", "\(error)"]
  }

  /// What it may do.
  package enum Privileges: Sendable {
    case root
    /// Another user, who may do nothing special.
    case none
    /// The same user, who may list every directory and read every file, but may not ask where the
    /// descriptors of others lead.
    case listing
    /// Root by name only, as in a strict sandbox.
    case rootWithoutCapabilities
    /// The same other user, with these capabilities.
    case only([String])
    /// Root with these capabilities alone.
    case rootWithOnly([String])

    package static let user = 65534

    fileprivate var isRoot: Bool {
      if case .root = self { true } else { false }
    }

    /// The command to run another one by.
    package var command: [String] {
      let identity = [
        "setpriv", "--reuid", "\(Self.user)", "--regid", "\(Self.user)", "--clear-groups",
      ]
      switch self {
      case .root:
        return []
      case .none:
        return identity + ["--inh-caps", "-all", "--bounding-set", "-all"]
      case .listing:
        return identity
          + ["--inh-caps", "--ambient-caps", "--bounding-set"].flatMap {
            [$0, "-all,+dac_read_search"]
          }
      case .rootWithoutCapabilities:
        return ["setpriv", "--inh-caps", "-all", "--bounding-set", "-all"]
      case .only(let capabilities):
        let set = (["-all"] + capabilities.map { "+\($0)" }).joined(separator: ",")
        return identity
          + ["--inh-caps", "--ambient-caps", "--bounding-set"].flatMap { [$0, set] }
      case .rootWithOnly(let capabilities):
        let set = (["-all"] + capabilities.map { "+\($0)" }).joined(separator: ",")
        return ["setpriv", "--inh-caps", "-all", "--bounding-set", set]
      }
    }
  }

  /// Runs the exporter to its end, without a host of its own.
  package static func run(
    _ arguments: [String], within limit: Duration = .patience
  ) throws -> ChildProcess.Outcome {
    try start(arguments).outcome(within: limit)
  }

  /// Starts the exporter without a host of its own.
  ///
  /// - Parameter wrapper: a command to run it by.
  package static func start(
    _ arguments: [String], wrapper: [String] = []
  ) throws -> ChildProcess {
    try ChildProcess(wrapper + [path] + arguments)
  }

  /// Starts a server on a free port of the real host's loopback interface.
  package static func serve(_ arguments: [String] = []) throws -> RunningExporter {
    try RunningExporter(start(RunningExporter.arguments + arguments))
  }
}

extension TestHost {
  /// Runs `socket-exporter metrics` on this host and reads the page.
  ///
  /// - Parameter wrapper: a command to run it by, for example one that denies it something.
  /// - Parameter exit: how it must end; it fails where a collector does.
  package func sample(
    _ flags: String..., as format: MetricPage.Format = .text,
    privileges: Exporter.Privileges = .root, wrapper: [String] = [],
    exit: ChildProcess.Exit = .code(0)
  ) throws -> MetricPage {
    try sample(flags, as: format, privileges: privileges, wrapper: wrapper, exit: exit)
  }

  /// Likewise, with flags that a test has computed.
  package func sample(
    _ flags: [String], as format: MetricPage.Format = .text,
    privileges: Exporter.Privileges = .root, wrapper: [String] = [],
    exit: ChildProcess.Exit = .code(0)
  ) throws -> MetricPage {
    let formatFlags = format == .openMetrics ? ["--format", "openmetrics"] : []
    func page(_ more: String...) throws -> MetricPage {
      let outcome = try runExporter(
        ["metrics"] + formatFlags + flags + more, privileges: privileges, wrapper: wrapper)
      guard outcome.exit == exit else {
        throw TestFailure("metrics ended with \(outcome.exit): \(outcome.errors)")
      }
      return try MetricPage(outcome.output, as: format)
    }
    return try agreed(page(), flags) { try page("--backend", $0) }
  }

  /// Runs the exporter on this host to its end, whatever it says.
  package func runExporter(
    _ arguments: [String], privileges: Exporter.Privileges = .root, wrapper: [String] = []
  ) throws -> ChildProcess.Outcome {
    let program = try privileges.isRoot ? Exporter.path : accessibleExporter()
    return try run(privileges.command + wrapper + [program] + arguments)
  }

  /// A page on which the backends agree, where there is more than one to ask.
  ///
  /// What happened just before may still go on in the kernel, so they are asked again a few times, for
  /// a second at least.
  private func agreed(
    _ first: MetricPage, _ flags: [String], sample: (_ backend: String) throws -> MetricPage
  ) throws -> MetricPage {
    guard BackendComparison.isByIterator(first), !flags.contains("--backend") else { return first }
    var page = first
    var differences: [String] = []
    for _ in 0..<10 {
      let second = try sample("procfs")
      differences = BackendComparison.differences(page, second)
      if differences.isEmpty { return page }
      usleep(100_000)
      page = try sample("bpf")
    }
    throw TestFailure("bpf | procfs:\n\(differences.joined(separator: "\n"))")
  }

  /// Samples until a condition holds, or for as long as the kernel may take to get there; the test
  /// then looks at the last page.
  package func sample(
    _ flags: String..., until condition: (MetricPage) -> Bool
  ) throws -> MetricPage {
    let deadline = Deadline(after: .patience)
    while true {
      let outcome = try run([Exporter.path, "metrics"] + flags)
      guard outcome.exit == .code(0) else {
        throw TestFailure("metrics ended with \(outcome.exit): \(outcome.errors)")
      }
      let page = try MetricPage(outcome.output)
      if condition(page) || deadline.hasPassed {
        return try agreed(page, flags) { try sample(flags + ["--backend", $0]) }
      }
    }
  }

  /// Starts a server on a free port of this host's loopback interface.
  package func serve(_ arguments: String...) throws -> RunningExporter {
    try serve(arguments)
  }

  /// Starts a server on this host's loopback interface.
  ///
  /// - Parameter port: where; 0 is a free one.
  package func serve(
    _ arguments: [String], port: Int = 0, privileges: Exporter.Privileges = .root
  ) throws -> RunningExporter {
    let program = try privileges.isRoot ? Exporter.path : accessibleExporter()
    return try RunningExporter(
      start(
        privileges.command + [program] + RunningExporter.arguments(port: port) + arguments))
  }

  /// The page a server on this host serves now; nil where it has none yet.
  package func page(of exporter: RunningExporter) throws -> MetricPage? {
    let answer = try run(["curl", "-sf", "http://127.0.0.1:\(exporter.port)/metrics"])
    return answer.exit == .code(0) ? try MetricPage(answer.output) : nil
  }

  /// Waits for a page for which a condition holds; gives the last one where that takes too long, for
  /// the test to look at.
  ///
  /// Pages on which a collector's numbers are too old to be shown, as happens on a machine under load,
  /// are passed over.
  package func page(
    of exporter: RunningExporter, within limit: Duration = .patience,
    where condition: (MetricPage) throws -> Bool
  ) throws -> MetricPage {
    let deadline = Deadline(after: limit)
    var last: MetricPage?
    while true {
      if let page = try page(of: exporter),
        page.samples("socket_exporter_collector_success").allSatisfy({ $0.value == 1 })
      {
        if try condition(page) { return page }
        last = page
      }
      guard deadline.hasPassed else { continue }
      guard let last else { throw TestFailure("the exporter serves no page that is not too old") }
      return last
    }
  }

  /// A copy of the program which other users can reach: the build directory may be root's alone.
  package func accessibleExporter() throws -> String {
    let copy = directory + "/socket-exporter"
    if !FileManager.default.fileExists(atPath: copy) {
      // By another process: were the file open for writing here, a child that another test starts at
      // this moment would have it open, too, and it could not be executed ("text file busy").
      let outcome = try run(["install", "-m", "755", Exporter.path, copy])
      guard outcome.exit == .code(0) else { throw TestFailure("install: \(outcome.errors)") }
    }
    return copy
  }
}

/// A server that a test started.
package final class RunningExporter: @unchecked Sendable {
  package static let arguments = arguments(port: 0)

  /// - Parameter port: where to listen; 0 is a free one.
  package static func arguments(port: Int) -> [String] {
    [
      "serve", "--web.listen-address", "127.0.0.1:\(port)",
      // Tests sample more often than a budget would allow; the last word of a test counts.
      "--collect.cpu-budget", "off",
    ]
  }

  package let process: ChildProcess
  /// The port it listens on.
  package let port: Int
  /// The line it logged when it was ready.
  package let startLine: String

  /// - Parameter process: a server that was just started with `arguments`.
  package init(_ process: ChildProcess) throws {
    self.process = process
    var said: [String] = []
    while let line = process.errors.line(within: .patience) {
      if let match = line.firstMatch(of: /127\.0\.0\.1:(\d+)/), let port = Int(match.1) {
        self.port = port
        startLine = line
        return
      }
      said.append(line)
    }
    process.end()
    throw TestFailure("the exporter did not say where it listens: \(said)")
  }

  /// Asks it to end; returns how it ended, what it had logged since its start, and the time it took.
  package func stop(
    signal: Int32 = SIGTERM
  ) throws -> (outcome: ChildProcess.Outcome, time: Duration) {
    let begin = ContinuousClock.now
    process.send(signal: signal)
    let outcome = try process.outcome()
    return (outcome, begin.duration(to: .now))
  }
}
