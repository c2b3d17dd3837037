import Foundation
import TestSupport
import Testing

/// A socket such as systemd listens on for what its services tell it.
///
/// Like systemd it takes each message at once: the kernel keeps as few as ten, and refuses more.
private final class NotifySocket: @unchecked Sendable {
  private let descriptor: Int32
  private let condition = NSCondition()
  private var messages: [[String]] = []
  private var hasEnded = false

  init(_ path: String) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
    var name = sockaddr_un()
    name.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &name.sun_path) { room in
      room.copyBytes(from: path.utf8.prefix(room.count - 1))
      if path.hasPrefix("@") { room[0] = 0 }
    }
    let length = socklen_t(2 + path.utf8.count + (path.hasPrefix("@") ? 0 : 1))
    let outcome = withUnsafeBytes(of: &name) {
      bind(descriptor, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), length)
    }
    guard outcome == 0 else { throw TestFailure("bind: \(String(cString: strerror(errno)))") }
    if !path.hasPrefix("@") { chmod(path, 0o666) }
    let thread = Thread { [self] in takeMessages() }
    thread.name = "manager"
    thread.start()
  }

  /// Lets the socket go. The thread refers to it until then.
  func end() {
    condition.lock()
    hasEnded = true
    condition.unlock()
    shutdown(descriptor, Int32(SHUT_RDWR))
  }

  private func takeMessages() {
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = recv(descriptor, &bytes, bytes.count, 0)
      condition.lock()
      defer { condition.unlock() }
      if hasEnded { return }
      guard count > 0 else { continue }
      messages.append(
        String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n").map(String.init))
      condition.signal()
    }
  }

  /// The next message, by its lines; nil where none comes within the time.
  func message(within limit: Duration = .patience) -> [String]? {
    let end = Date(timeIntervalSinceNow: limit / .seconds(1))
    condition.lock()
    defer { condition.unlock() }
    while messages.isEmpty {
      guard condition.wait(until: end) else { break }
    }
    return messages.isEmpty ? nil : messages.removeFirst()
  }
}

@Suite("What a service manager is told", .hangLimit)
struct ServiceManagerTests {
  private static let quick = [
    "--no-collector.tcp", "--no-collector.process", "--no-collector.listener",
    "--no-collector.port", "--no-collector.zombie",
  ]

  private static func start(
    _ variables: [String], _ flags: [String]
  ) throws -> ChildProcess {
    try Exporter.start(RunningExporter.arguments + flags, wrapper: ["env"] + variables)
  }

  @Test("ready with the first sample, alive with each, and that it ends", arguments: ["", "@"])
  func lifetime(kind: String) async throws {
    try await onBlockingThread {
      let directory = try TemporaryDirectory()
      let path = kind + directory.path + "/notify"
      let manager = try NotifySocket(path)
      defer { manager.end() }
      let exporter = try RunningExporter(
        Self.start(["NOTIFY_SOCKET=\(path)"], ["--collect.interval", "100ms"] + Self.quick))
      #expect(manager.message() == ["READY=1", "WATCHDOG=1"])
      let ready = try Tools.run(["curl", "-sf", "http://127.0.0.1:\(exporter.port)/-/ready"])
      #expect(ready.text == "ready\n")
      for _ in 0..<5 { #expect(manager.message()?.contains("WATCHDOG=1") == true) }
      let (outcome, _) = try exporter.stop()
      #expect(outcome.exit == .code(0))
      #expect(!outcome.errors.contains("service manager"))
      while try #require(manager.message()) != ["STOPPING=1"] {}
      withExtendedLifetime(directory) {}
    }
  }

  @Test("while the first sample hangs it is not ready, and nothing says that it lives")
  func hangs() async throws {
    try await onBlockingThread {
      let directory = try TemporaryDirectory()
      _ = try directory.makeFIFO("1/stat")
      let file = try directory.makeFIFO("net/sockstat")
      let path = directory.path + "/notify"
      let manager = try NotifySocket(path)
      defer { manager.end() }
      let process = try Self.start(
        ["NOTIFY_SOCKET=\(path)"],
        ["--collect.interval", "100ms", "--path.procfs", directory.path] + Self.quick)
      let writer = try file.openForWriting()
      #expect(manager.message(within: .seconds(1)) == nil)
      process.send(signal: SIGTERM)
      #expect(manager.message() == ["STOPPING=1"])
      #expect(try process.wait() == .code(0))
      writer.close()
      withExtendedLifetime(directory) {}
    }
  }

  @Test(
    "a watchdog shorter than five intervals is told to wait for them",
    arguments: [("4999999", ["WATCHDOG_USEC=5000000"]), ("5000000", []), ("120000000", [])])
  func watchdog(microseconds: String, more: [String]) async throws {
    try await onBlockingThread {
      let directory = try TemporaryDirectory()
      let path = directory.path + "/notify"
      let manager = try NotifySocket(path)
      defer { manager.end() }
      let exporter = try RunningExporter(
        Self.start(
          ["NOTIFY_SOCKET=\(path)", "WATCHDOG_USEC=\(microseconds)"],
          ["--collect.interval", "1s"] + Self.quick))
      #expect(manager.message() == ["READY=1", "WATCHDOG=1"] + more)
      _ = try exporter.stop()
      withExtendedLifetime(directory) {}
    }
  }

  @Test("a manager that is not there is named once, and samples go on")
  func noManager() async throws {
    try await onBlockingThread {
      let path = "/nonexistent/notify"
      let process = try Self.start(
        ["NOTIFY_SOCKET=\(path)"], ["--collect.interval", "100ms"] + Self.quick)
      while try !#require(process.errors.line(within: .patience)).contains(path) {}
      // Some samples more, of each of which it would tell the manager.
      Thread.sleep(forTimeInterval: 0.5)
      process.send(signal: SIGTERM)
      let outcome = try process.outcome()
      #expect(outcome.exit == .code(0))
      #expect(!outcome.errors.contains(path), "\(outcome.errors)")
    }
  }
}

@Suite(
  "Sockets that systemd passes", .onTestHost,
  .enabled(
    if: Tools.areInstalled("systemd-socket-activate"),
    "needs systemd-socket-activate, of the package systemd"), .hangLimit)
struct SocketActivationTests {
  private static func get(_ host: TestHost, _ url: String) throws -> String {
    try host.run(["curl", "-s", "--max-time", "60", url]).text
  }

  @Test("all of them are served, and none beside")
  func several() async throws {
    try await TestHost.run { host in
      _ = try host.start([
        "systemd-socket-activate", "-l", "127.0.0.1:9001", "-l", "[::1]:9002", Exporter.path,
        "serve", "--web.systemd-socket",
      ])
      for url in ["http://127.0.0.1:9001/-/healthy", "http://[::1]:9002/-/healthy"] {
        try eventually(url) { try Self.get(host, url) == "healthy\n" ? true : nil }
      }
      #expect(try host.shell("ss -Hltn | wc -l") == "2\n")
    }
  }

  @Test(
    "under the filters of the unit with its drop-in, which allow no IP sockets",
    .enabled(if: SystemdUnit.isAvailable, SystemdUnit.unavailability),
    .enabled(if: SystemdUnit.canBeImitated, "needs python3-seccomp"))
  func confined() async throws {
    try await TestHost.run { host in
      let path = host.directory + "/notify"
      let manager = try NotifySocket(path)
      defer { manager.end() }
      let program = try host.accessibleExporter()
      let unit = try SystemdUnit(["socket-activation/socket-activation.conf"])
      let listening = [
        "systemd-socket-activate", "-l", "127.0.0.1:9001", "-E", "NOTIFY_SOCKET=\(path)",
      ]
      _ = try host.start(
        listening + host.confinement(unit) + [program, "serve", "--web.systemd-socket"])
      let url = "http://127.0.0.1:9001"
      try eventually("ready") { try Self.get(host, url + "/-/ready") == "ready\n" ? true : nil }
      #expect(manager.message() == ["READY=1", "WATCHDOG=1"])
      // On a page without numbers that are too old to be shown.
      let page = try eventually("every collector succeeds") { () -> MetricPage? in
        let page = try MetricPage(host.run(["curl", "-sf", url + "/metrics"]).output)
        return page.sum("socket_exporter_collector_success") == 7 ? page : nil
      }
      #expect(page.value("socket_processes_unreadable") == 0)

      // And it could not have made the socket itself.
      let own = try host.run(host.confinement(unit) + [program, "serve"])
      #expect(own.exit == .code(1))
      #expect(own.errors.contains("Address family not supported"), "\(own.errors)")
    }
  }

  /// Holds a listening socket, as systemd does, and starts the exporter again and again.
  private static let holder = """
    import os, socket, sys, time
    listening = socket.create_server(("127.0.0.1", 9001))
    os.dup2(listening.fileno(), 3)
    os.set_inheritable(3, True)
    while True:
        child = os.fork()
        if child == 0:
            os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
            os.execv(sys.argv[1], [sys.argv[1], "serve", "--web.systemd-socket"])
        os.waitpid(child, 0)
        time.sleep(1)
    """

  @Test("who asks while it is restarted waits, and is answered")
  func restart() async throws {
    try await TestHost.run { host in
      let holding = try host.start(["/usr/bin/python3", "-c", Self.holder, Exporter.path])
      let url = "http://127.0.0.1:9001/-/healthy"
      for _ in 0..<3 {
        try eventually("served") { try Self.get(host, url) == "healthy\n" ? true : nil }
        // That one: who looks too late by name sees the next one.
        try host.shell(
          """
          pid=$(pgrep -x socket-exporter)
          kill "$pid"
          while test -e "/proc/$pid"; do sleep 0.01; done
          """)
        // Nobody accepts now, and nobody is refused.
        #expect(try Self.get(host, url) == "healthy\n")
      }
      holding.end()
    }
  }

  @Test(
    "what is wrong is named in one line",
    arguments: [
      ("true", "LISTEN_FDS is not set", 1), ("export LISTEN_FDS=x", "LISTEN_FDS=\"x\"", 1),
      ("export LISTEN_FDS=1", "LISTEN_PID is not", 1),
      ("export LISTEN_FDS=1 LISTEN_PID=1", "LISTEN_PID=\"1\"", 1),
      ("exec 3</dev/null; export LISTEN_FDS=1 LISTEN_PID=$$", "passed descriptor 3", 1),
      ("set -- \"$@\" --web.listen-address :1", "--web.listen-address", 64),
    ])
  func wrong(script: String, name: String, code: Int) async throws {
    try await TestHost.run { host in
      let outcome = try host.run([
        "sh", "-c", "\(script); exec \"$0\" serve --web.systemd-socket \"$@\"", Exporter.path,
      ])
      #expect(outcome.exit == .code(Int32(code)))
      #expect(outcome.errors.contains(name), "\(outcome.errors)")
      #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
    }
  }
}
