import Foundation
import TestSupport
import Testing

/// What a newcomer sees who types `make demo`, and what is left of it.
@Suite(
  .enabled(if: TestHost.isAvailable, TestHost.unavailability),
  .enabled(if: PrometheusServer.isInstalled, PrometheusServer.unavailability),
  .enabled(
    if: Tools.areInstalled("promtool", "ps", "script", "setpriv", "ss"),
    "needs promtool, ps, script, setpriv and ss"),
  // It counts from when all tests begin, not from when this one gets a thread.
  .timeLimit(.minutes(60)))
struct DemoTests {
  /// Fast enough to save time, slow enough for its servers not to come to their limit meanwhile, also
  /// where a busy machine makes everything else late.
  private static let rate = ["--rate", "8"]
  /// Longer than all that the demo itself waits for: what was late is for it to say.
  private static let limit = Duration.seconds(600)

  @Test func `the demo goes from the alert to its end`() async throws {
    try await TestHost.run { host in
      let demo = try Demo(on: host)
      let shown = try host.run(
        demo.command(Repository.path("demo/run"), exporter: Exporter.path) + Self.rate,
        within: Self.limit)
      #expect(shown.exit == .code(0), "\(shown.errors)")
      #expect(shown.errors.isEmpty)
      #expect(!shown.text.contains("\u{1b}"))
      try Self.expectIncident(in: Transcript(shown.text), exporter: 9477, prometheus: 9090)
      try demo.expectNothingLeft(on: host)
    }
  }

  @Test func `it asks on a terminal, takes other ports, and needs no privileges`() async throws {
    try await TestHost.run { host in
      let demo = try Demo(on: host)
      // The build directory may be root's alone.
      let copy = host.directory + "/copy"
      try host.shell(
        """
        mkdir -m 755 "$1"
        cp -r "$2" "$3" "$1"
        install -m 755 "$4" "$1/socket-exporter"
        chmod -R a+rX "$1"
        """, copy, Repository.path("demo"), Repository.path("deploy"), Exporter.path)
      let squatter = try host.actor(named: "squatter")
      _ = try squatter.listen(port: 9477)
      _ = try squatter.listen(port: 9090)

      let command =
        [
          "setpriv", "--reuid", "\(Exporter.Privileges.user)",
          "--regid", "\(Exporter.Privileges.user)", "--clear-groups",
          "--inh-caps", "-all", "--bounding-set", "-all",
        ] + demo.command(copy + "/demo/run", exporter: copy + "/socket-exporter") + Self.rate
      let pauses = 7
      let shown = try host.run(
        [
          "sh", "-c", #"printf "$1" | script --quiet --return --command "$2" /dev/null"#, "sh",
          String(repeating: #"\n"#, count: pauses), command.joined(separator: " "),
        ], within: Self.limit)
      #expect(shown.exit == .code(0), "\(shown.text)")
      #expect(shown.text.matches(of: /\[Enter: go on/).count == pauses)
      #expect(shown.text.contains("\u{1b}[1m1. What does the alert say?\u{1b}[0m"))

      let transcript = Transcript(shown.text)
      let unreadable = try #require(transcript.text.firstMatch(of: /may not read: (\d+)/))
      #expect(unreadable.1 != "0")
      let exporter = try #require(transcript.text.firstMatch(of: /exporter +http:.*?:(\d+)/))
      let prometheus = try #require(transcript.text.firstMatch(of: /Prometheus +http:.*?:(\d+)/))
      #expect(exporter.1 != "9477" && prometheus.1 != "9090")
      try Self.expectIncident(
        in: transcript, exporter: try #require(Int(exporter.1)),
        prometheus: try #require(Int(prometheus.1)))
      try squatter.exit()
      try demo.expectNothingLeft(on: host)
    }
  }

  @Test(arguments: [SIGHUP, SIGINT, SIGTERM])
  func `it leaves nothing where it is ended early`(_ signal: Int32) async throws {
    try await TestHost.run { host in
      let demo = try Demo(on: host)
      let child = try host.start(
        demo.command(Repository.path("demo/run"), exporter: Exporter.path))
      repeat {
        let line = try #require(child.output.line(within: .patience))
        if line.contains("older than 10 s") { break }
      } while true
      // There is something to leave.
      try eventually("the programs of the demo run") {
        try demo.processes(on: host).isSuperset(of: ["leaky-api", "prometheus", "clients"])
          ? true : nil
      }
      child.send(signal: signal)
      #expect(try child.outcome().exit == .signal(signal))
      try demo.expectNothingLeft(on: host)
    }
  }

  @Test func `it says what is missing, and what does not start`() async throws {
    try await TestHost.run { host in
      let demo = try Demo(on: host)
      for (exporter, complaint) in [
        ("/no/such/program", "/no/such/program is missing"), ("/bin/false", "does not answer"),
      ] {
        let shown = try host.run(demo.command(Repository.path("demo/run"), exporter: exporter))
        #expect(shown.exit == .code(1))
        #expect(shown.errors.contains(complaint))
        try demo.expectNothingLeft(on: host)
      }
      for (flags, complaint) in [
        (["--rate", "0"], "--rate 0: expected a number"), (["--help"], "usage: demo/run"),
      ] {
        let command = demo.command(Repository.path("demo/run"), exporter: Exporter.path)
        let shown = try host.run(command + flags)
        #expect(shown.exit == .code(64))
        #expect(shown.errors.contains(complaint))
      }
    }
  }

  /// Every claim of the narration, in what the commands printed.
  private static func expectIncident(
    in transcript: Transcript, exporter: Int, prometheus: Int
  ) throws {
    let rules = try transcript.outputs(of: "grep -m1 -A2 'alert: SocketCloseWaitHigh'")
    try #require(rules.count == 2)
    #expect(rules[0].contains("for: 5m") && rules[0].contains(#"older_than="60"}[3m]) > 100"#))
    #expect(rules[1].contains("for: 5s") && rules[1].contains(#"older_than="10"}[3s]) > 100"#))
    #expect(transcript.text.contains("firing\n"))

    let kill = try #require(transcript.text.firstMatch(of: /\$ kill (\d+)\n/))
    let pid = String(kill.1)
    let alert = try transcript.output(of: "demo/alerts http://127.0.0.1:\(prometheus)")
    #expect(alert.hasPrefix("SocketCloseWaitHigh (warning), since "))
    let summary = try #require(
      alert.firstMatch(of: /leaky-api on 127.0.0.1:(\d+) holds (\d+) sockets in CLOSE_WAIT/))
    #expect(Int(summary.1) == exporter)
    #expect(try #require(Int(summary.2)) > 100)
    #expect(alert.contains("for more than 10 seconds"))
    #expect(alert.contains(try Regex(#"Pid\s+\#(pid)\s+holds"#)))

    let worst = try transcript.output(of: "promtool query instant \(server(prometheus)) 'topk(5")
    #expect(try value(worst) > 100)
    #expect(worst.contains(#"process="leaky-api""#) && !worst.contains("tidy-api"))
    let page = "curl -s http://127.0.0.1:\(exporter)/metrics | grep"
    let pids = try transcript.output(of: page + " ^socket_pid_tcp_close_wait")
    #expect(pids.contains(#"{pid="\#(pid)",process="leaky-api"} "#))
    // It has one client at a time, whose socket may be seen just before it is closed.
    for line in pids.split(separator: "\n") where line.contains("tidy-api") {
      #expect(line.hasSuffix("} 1"), "\(line)")
    }

    let ages = try transcript.output(of: page + " -e 'close_wait_oldest_seconds")
    let oldest = try #require(ages.firstMatch(of: /oldest_seconds\{.*\} ([\d.]+)\n/))
    #expect(try #require(Double(oldest.1)) > 10)
    let aged = try #require(ages.firstMatch(of: /older_than="10"\} (\d+)\n/))
    #expect(try #require(Int(aged.1)) > 100)
    // A leak, and not only slow: it is 1 where nothing disturbs the clocks.
    let slopes = try transcript.outputs(of: "promtool query instant \(server(prometheus)) 'deriv(")
    try #require(slopes.count == 2)
    #expect(try value(slopes[0]) > 0.5)

    let limits = try transcript.outputs(of: "promtool query instant \(server(prometheus)) 'socket_")
    try #require(limits.count == 1)
    let used = try value(limits[0])
    #expect(used > 100.0 / 1024 && used <= 1)
    let left = try transcript.output(of: "promtool query instant \(server(prometheus)) '(1 -")
    // At the limit it grows no more, and a busy machine may be as late as that.
    if used < 0.95 {
      #expect(try value(slopes[1]) > 0)
      #expect(try value(left) > 0)
    }

    let holders = try transcript.output(of: "ss -Htnp state close-wait | grep")
    #expect(holders.contains(#""leaky-api",pid=\#(pid)"#))
    for line in holders.split(separator: "\n") where line.contains("tidy-api") {
      #expect(line.contains(/^ *1 "/), "\(line)")
    }
    for line in try transcript.output(of: "ss -Htnp state close-wait '(").split(separator: "\n") {
      #expect(line.hasPrefix("0 ") && line.contains("pid=\(pid),"))
    }
    #expect(try transcript.output(of: "diff ").contains("<     connection.close()"))
    #expect(
      try transcript.output(of: "promtool query instant \(server(prometheus)) 'ALERTS").isEmpty)
  }

  private static func server(_ port: Int) -> String { "http://127.0.0.1:\(port)" }

  /// The number in an answer of promtool that has one series.
  private static func value(_ answer: String) throws -> Double {
    guard let match = answer.wholeMatch(of: /\S.* => (\S+) @\[[\d.]+\]\n/),
      let value = Double(match.1)
    else { throw TestFailure("not one value: \(answer)") }
    return value
  }
}

/// The demo with a place of its own for temporary files.
private struct Demo {
  private let directory: String
  private let before: Set<String>

  init(on host: TestHost) throws {
    directory = host.directory + "/tmp"
    try host.shell(#"mkdir -m 1777 "$1""#, directory)
    before = try Self.processes(on: host)
  }

  func command(_ script: String, exporter: String) -> [String] {
    ["env", "--unset=NO_COLOR", "TMPDIR=\(directory)", script, "--exporter", exporter]
  }

  /// What runs on the host, by name.
  func processes(on host: TestHost) throws -> Set<String> { try Self.processes(on: host) }

  private static func processes(on host: TestHost) throws -> Set<String> {
    Set(try host.shell("ps -e -o comm=").split(separator: "\n").map(String.init))
  }

  func expectNothingLeft(on host: TestHost) throws {
    #expect(try Self.processes(on: host) == before)
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == [])
  }
}

/// The commands that the demo has shown, each with what it printed.
private struct Transcript {
  let text: String
  private var commands: [(command: String, output: String)] = []

  /// - Parameter shown: as it was printed, on a terminal or not.
  init(_ shown: String) {
    text = shown.replacing("\r\n", with: "\n").replacing(/\u{1b}\[\d*[mK]/, with: "")
    var isOutput = false
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("$ ") {
        commands.append((String(line.dropFirst(2)), ""))
        isOutput = true
      } else if line.isEmpty {
        isOutput = false
      } else if isOutput {
        commands[commands.count - 1].output += line + "\n"
      }
    }
  }

  /// What the commands with this beginning printed, in their order.
  func outputs(of beginning: String) throws -> [String] {
    let outputs = commands.filter { $0.command.hasPrefix(beginning) }.map(\.output)
    guard !outputs.isEmpty else { throw TestFailure("no command was shown: \(beginning)") }
    return outputs
  }

  /// What the first command with this beginning printed.
  func output(of beginning: String) throws -> String { try outputs(of: beginning)[0] }
}
