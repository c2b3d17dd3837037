import Foundation
import TestSupport
import Testing

@Suite("The program as a shell and systemd meet it", .hangLimit)
struct CommandTests {
  /// What makes a sample short on any machine: these tests are not about samples.
  private static let quick = [
    "--no-collector.tcp", "--no-collector.process", "--no-collector.listener",
    "--no-collector.port", "--no-collector.zombie",
  ]

  @Test("SIGTERM and SIGINT end the server in good order, within a second", arguments: [15, 2])
  func stops(signal: Int32) async throws {
    try await onBlockingThread {
      let time = try shortestTime(below: .seconds(1)) {
        let (outcome, time) = try Exporter.serve(Self.quick).stop(signal: signal)
        #expect(outcome.exit == .code(0))
        #expect(outcome.output.isEmpty)
        return time
      }
      #expect(time < .seconds(1))
    }
  }

  @Test("a signal ends it in the middle of a sample, too, however long that takes")
  func stopsWhileReading() async throws {
    try await onBlockingThread {
      // A file of /proc that does not answer, as on a host in trouble.
      let directory = try TemporaryDirectory()
      _ = try directory.makeFIFO("1/stat")
      let file = try directory.makeFIFO("net/sockstat")
      let time = try shortestTime(below: .seconds(1)) {
        let process = try Exporter.start(
          RunningExporter.arguments + Self.quick + ["--path.procfs", directory.path])
        let writer = try file.openForWriting()
        let begin = ContinuousClock.now
        process.send(signal: 15)
        #expect(try process.wait() == .code(0))
        defer { writer.close() }
        return begin.duration(to: .now)
      }
      #expect(time < .seconds(1))
    }
  }

  @Test("one line at the start says what was found, in logfmt or JSON; then it is quiet")
  func startLine() async throws {
    try await onBlockingThread {
      let logfmt = try Exporter.serve(["--collect.interval", "100ms"] + Self.quick)
      #expect(logfmt.startLine.contains("level=info"))
      #expect(logfmt.startLine.contains("backend="))
      // Quiet for some samples; what it says at its end is the test's doing.
      #expect(logfmt.process.errors.line(within: .milliseconds(500)) == nil)
      _ = try logfmt.stop()

      let json = try Exporter.serve(["--log.format", "json"] + Self.quick)
      #expect(json.startLine.hasPrefix("{") && json.startLine.hasSuffix("}"))
      _ = try json.stop()
    }
  }

  @Test("a port in use: one line that names the address, and a failure")
  func portInUse() async throws {
    try await onBlockingThread {
      let first = try Exporter.serve(Self.quick)
      let address = "127.0.0.1:\(first.port)"
      let second = try Exporter.run(["serve", "--web.listen-address", address])
      #expect(second.exit != .code(0))
      guard case .code = second.exit else {
        Issue.record("ended by \(second.exit)")
        return
      }
      #expect(second.errors.split(separator: "\n").count == 1, "\(second.errors)")
      #expect(second.errors.contains(address))
      _ = try first.stop()
    }
  }

  @Test(
    "a bad value: exit 64, and one line that names the flag and the value",
    arguments: [
      ("--web.listen-address", "nowhere:port"),
      ("--web.listen-address", "127.0.0.1:65536"),
      ("--web.listen-address", "127.0.0.1"),
      ("--collect.interval", "5"),
      ("--collect.interval", "0s"),
      ("--collect.interval", "-5s"),
      ("--collect.interval", "soon"),
      ("--process.max-groups", "many"),
      ("--process.max-groups", "-1"),
      ("--process.max-groups", "0"),
      ("--process.top", "1.5"),
      ("--process.group-by", "name"),
      ("--process.group-by", "comm,exe"),
      ("--netns", "some"),
      ("--close-wait.thresholds", "10"),
      ("--close-wait.thresholds", "10s,soon"),
      ("--close-wait.thresholds", "1m,,5m"),
      ("--close-wait.thresholds", "500ms"),
      ("--close-wait.thresholds", "0s"),
      ("--close-wait.thresholds", "1m,60s"),
      ("--process.top", "-1"),
      ("--process.top", "99999999999999999999"),
      ("--web.telemetry-path", "/a b"),
      ("--web.telemetry-path", "metrics"),
      ("--web.max-connections", "0"),
      ("--log.level", "loud"),
      ("--log.format", "xml"),
    ])
  func badValue(flag: String, value: String) async throws {
    try await onBlockingThread {
      for arguments in [["\(flag)=\(value)"], [flag, value]] {
        let outcome = try Exporter.run(["serve"] + arguments)
        #expect(outcome.exit == .code(64))
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
        #expect(outcome.errors.contains(flag) && outcome.errors.contains(value))
      }
    }
  }

  @Test("a flag there is not: exit 64", arguments: ["--collector.nosuch", "--nosuch", "nosuch"])
  func unknownFlag(argument: String) async throws {
    try await onBlockingThread {
      let outcome = try Exporter.run([argument])
      #expect(outcome.exit == .code(64))
      #expect(outcome.errors.contains(argument))
    }
  }

  @Test("a proc filesystem that is not there: one line that names it, and a failure")
  func missingProcFileSystem() async throws {
    try await onBlockingThread {
      for command in ["serve", "metrics"] {
        let outcome = try Exporter.run([command, "--path.procfs", "/nonexistent/proc"])
        #expect(outcome.exit != .code(0))
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
        #expect(outcome.errors.contains("/nonexistent/proc"))
      }
    }
  }

  @Test("nobody reads the output: no crash, as after `metrics | head -1`")
  func brokenPipe() async throws {
    try await onBlockingThread {
      let process = try Exporter.start(["metrics"])
      // Before it has anything to say, so that its first write finds the pipe broken.
      process.output.close()
      let outcome = try process.outcome()
      guard case .code = outcome.exit else {
        Issue.record("ended by \(outcome.exit)")
        return
      }
      #expect(outcome.errors.split(separator: "\n").count <= 1, "\(outcome.errors)")
    }
  }

  @Test(
    "closed or full standard streams are errors, and nothing else takes their place",
    arguments: ["metrics >&-", "metrics <&- >&- 2>&-", "metrics > /dev/full", "--help > /dev/full"])
  func brokenStreams(arguments: String) async throws {
    try await onBlockingThread {
      let command = "exec \"$0\" \(arguments)"
      let outcome = try Tools.outcome(of: ["sh", "-c", command, Exporter.path])
      #expect(outcome.exit == .code(1))
    }
  }

  @Test("--version and --help go to standard output and succeed")
  func versionAndHelp() async throws {
    try await onBlockingThread {
      let version = try Exporter.run(["--version"])
      #expect(version.exit == .code(0))
      #expect(version.text.contains(/\d+\.\d+\.\d+/))
      let help = try Exporter.run(["--help"])
      #expect(help.exit == .code(0))
      #expect(help.text.contains("metrics"))
    }
  }
}

@Suite("The server on a host of its own", .onTestHost, .hangLimit)
struct ServerTests {
  @Test("SIGTERM and SIGINT end it within a second of any moment", arguments: [15, 2])
  func stops(signal: Int32) async throws {
    try await TestHost.run { host in
      for _ in 0..<5 {
        let time = try shortestTime(below: .seconds(1)) {
          let exporter = try host.serve("--collect.interval", "100ms")
          let (outcome, time) = try exporter.stop(signal: signal)
          #expect(outcome.exit == .code(0))
          return time
        }
        #expect(time < .seconds(1))
      }
    }
  }

  @Test("idle clients, as many as want to connect, do not starve the sampler of descriptors")
  func idleClients() async throws {
    try await TestHost.run { host in
      let command = "ulimit -n 100; exec \"$0\" \"$@\" --collect.interval 100ms"
      let exporter = try RunningExporter(
        host.start(["sh", "-c", command, Exporter.path] + RunningExporter.arguments))
      let client = try host.actor(named: "crowd")
      for _ in 0..<150 { _ = try client.connect("127.0.0.1", port: exporter.port) }
      // Long enough for some samples, all of them in the crowd.
      Thread.sleep(forTimeInterval: 0.5)
      client.kill()
      let page = try eventually("an answer after the crowd") { () -> MetricPage? in
        let url = "http://127.0.0.1:\(exporter.port)/metrics"
        let answer = try host.run(["curl", "-sf", url])
        return answer.exit == .code(0) ? try MetricPage(answer.output) : nil
      }
      let errors = page.samples("socket_exporter_collector_errors_total")
      #expect(errors.count == 7)
      #expect(errors.allSatisfy { $0.value == 0 })
      let (outcome, _) = try exporter.stop()
      #expect(outcome.exit == .code(0))
      #expect(page.value("process_max_fds") == 100)
      #expect(!outcome.errors.contains("collector failed"))
    }
  }

  @Test("clients that reset the connection instead of reading leave the server well")
  func resets() async throws {
    try await TestHost.run { host in
      let exporter = try host.serve()
      let client = try host.actor(named: "client")
      let request = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
      for _ in 0..<50 {
        let connection = try client.connect("127.0.0.1", port: exporter.port)
        try client.write(request, to: connection)
        try client.reset(connection)
      }
      let connection = try client.connect("127.0.0.1", port: exporter.port)
      try client.write(request, to: connection)
      #expect(try client.read(connection) > 0)
      // None of theirs is left behind.
      let page = try host.sample { $0.sockets("established") == 2 }
      expectSockets(page, ["ipv4": ["listen": 1, "established": 2]])
      #expect(try exporter.stop().outcome.exit == .code(0))
    }
  }
}
