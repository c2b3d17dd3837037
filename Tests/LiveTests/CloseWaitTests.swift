import Foundation
import TestSupport
import Testing

extension MetricPage {
  /// CLOSE_WAIT sockets of a group that are at least so old, by the threshold.
  func closeWaitAged(of process: String, in namespace: String? = nil) -> [String: Double] {
    rows("socket_process_close_wait_aged", by: "older_than", of: process, in: namespace)
  }

  /// CLOSE_WAIT sockets of a group; nil where the page does not speak of it.
  func closeWait(of process: String) -> Double? {
    rows("socket_process_tcp_sockets", by: "state", of: process)["close_wait"]
  }

  /// Age of the oldest CLOSE_WAIT socket of a group, seconds.
  func closeWaitOldest(of process: String, in namespace: String? = nil) -> Double? {
    value("socket_process_close_wait_oldest_seconds", labels(of: process, in: namespace))
  }
}

@Suite("CLOSE_WAIT and its age", .onTestHost, .hangLimit)
struct CloseWaitTests {
  private static let impatient = [
    "--collect.interval=100ms", "--close-wait.thresholds=1s,2s,1h",
  ]

  /// Connections of which the peer has closed its side and the leaker has not.
  private static func leak(
    _ count: Int, from peer: SocketActor, to listener: SocketActor.Listener, of leaker: SocketActor
  ) throws -> [Int] {
    try (0..<count).map { _ in
      let connection = try peer.connect(to: listener, of: leaker)
      try peer.shutdown(connection.own)
      return connection.peer
    }
  }

  /// What a page says of the ages of the leaker's sockets agrees with itself.
  private static func expectConsistent(
    _ page: MetricPage, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let oldest = page.closeWaitOldest(of: "leaker")
    let held = page.closeWait(of: "leaker") ?? 0
    #expect((oldest != nil) == (held != 0), sourceLocation: sourceLocation)
    var atMost = held
    for (threshold, count) in page.closeWaitAged(of: "leaker").compactMap({ aged in
      Double(aged.key).map { ($0, aged.value) }
    }).sorted(by: { $0.0 < $1.0 }) {
      #expect(count <= atMost, sourceLocation: sourceLocation)
      #expect((count > 0) == (oldest ?? -1 >= threshold), sourceLocation: sourceLocation)
      atMost = count
    }
  }

  @Test("it is held by the leaker, and grows older than every threshold; the peer's end goes")
  func grows() async throws {
    try await TestHost.run { host in
      try host.set("net.ipv4.tcp_fin_timeout", to: "1")
      let leaker = try host.actor(named: "leaker")
      let closer = try host.actor(named: "closer")
      let listener = try leaker.listen()
      let exporter = try host.serve(Self.impatient)
      func page(where condition: (MetricPage) -> Bool) throws -> MetricPage {
        try host.page(of: exporter) { page in
          Self.expectConsistent(page)
          return condition(page)
        }
      }
      let begin = ContinuousClock.now
      let first = try Self.leak(3, from: closer, to: listener, of: leaker)

      let young = try page {
        $0.rows("socket_process_tcp_sockets", by: "state", of: "closer")["fin_wait2"] == 3
          && $0.closeWait(of: "leaker") == 3
      }
      expectGroup("leaker", young, ["tcp": 4], states: ["listen": 1, "close_wait": 3])
      expectGroup("closer", young, ["tcp": 3], states: ["fin_wait2": 3])
      #expect(young.closeWaitAged(of: "closer") == ["1": 0, "2": 0, "3600": 0])
      #expect(young.closeWaitOldest(of: "closer") == nil)
      let pid = try leaker.pid()
      #expect(
        young.rows("socket_pid_tcp_close_wait", by: "pid", ["process": "leaker"]) == ["\(pid)": 3])

      // Its ends are nobody's then, and time out.
      try closer.exit()
      let aged = try page {
        $0.closeWaitAged(of: "leaker")["2"] == 3 && $0.sockets("fin_wait2") == 0
      }
      #expect(aged.closeWaitAged(of: "leaker") == ["1": 3, "2": 3, "3600": 0])
      #expect(aged.sockets("fin_wait2") == 0)
      #expect(
        try #require(aged.closeWaitOldest(of: "leaker")) <= begin.duration(to: .now) / .seconds(1))
      expectGroup("leaker", aged, ["tcp": 4], states: ["listen": 1, "close_wait": 3])
      expectNoGroup("closer", aged)

      // New ones are young, whatever descriptors they have.
      for descriptor in first { try leaker.close(descriptor) }
      _ = try page { $0.closeWait(of: "leaker") == 0 }
      let again = ContinuousClock.now
      let second = try Self.leak(
        2, from: host.actor(named: "other"), to: listener, of: leaker)
      #expect(second[0] == first[0])
      let fewer = try page {
        $0.closeWait(of: "leaker") == 2
      }
      #expect(
        try #require(fewer.closeWaitOldest(of: "leaker")) <= again.duration(to: .now) / .seconds(1))

      for descriptor in second { try leaker.close(descriptor) }
      // The last one may be closed between the pass over the descriptors and that over the sockets.
      let none = try page {
        $0.closeWait(of: "leaker") == 0 && $0.socketDescriptors(of: "leaker") == 1
      }
      expectGroup("leaker", none, ["tcp": 1], states: ["listen": 1])
      #expect(none.closeWaitAged(of: "leaker") == ["1": 0, "2": 0, "3600": 0])
      #expect(none.samples("socket_pid_tcp_close_wait").isEmpty)

      leaker.kill()
      let gone = try page { $0.instances(of: "leaker") == nil }
      expectNoGroup("leaker", gone)
      #expect(try exporter.stop().outcome.exit == .code(0))
    }
  }

  @Test("the exporter starts late: sockets are as old as the kernel knows")
  func startedLate() async throws {
    try await TestHost.run { host in
      let leaker = try host.actor(named: "leaker")
      let closer = try host.actor(named: "closer")
      let listener = try leaker.listen("::1")
      let begin = ContinuousClock.now
      _ = try Self.leak(3, from: closer, to: listener, of: leaker)
      // Their age counts from when the FINs arrive.
      try host.awaitAcknowledgements()
      let aged = Deadline(after: .milliseconds(1100))
      while !aged.hasPassed { Thread.sleep(forTimeInterval: 0.01) }
      let again = ContinuousClock.now
      _ = try Self.leak(2, from: closer, to: listener, of: leaker)
      try host.awaitAcknowledgements()

      let page = try host.sample("--close-wait.thresholds=1s,1h")
      Self.expectConsistent(page)
      let found = page.closeWaitAged(of: "leaker")
      #expect(found["3600"] == 0)
      // Unless the machine is very slow, the second ones are younger.
      #expect(found["1"] == (again.duration(to: .now) < .seconds(1) ? 3 : found["1"]))
      #expect(found["1"] ?? 0 >= 3)
      let oldest = try #require(page.closeWaitOldest(of: "leaker"))
      #expect(oldest >= 1 && oldest <= begin.duration(to: .now) / .seconds(1))
      expectGroup("leaker", page, ["tcp": 6], states: ["listen": 1, "close_wait": 5])
    }
  }

  @Test("where netlink is refused, ages count from the first sample")
  func withoutNetlink() async throws {
    try await TestHost.run { host in
      let leaker = try host.actor(named: "leaker")
      let closer = try host.actor(named: "closer")
      let listener = try leaker.listen()
      let leaked = try Self.leak(3, from: closer, to: listener, of: leaker)
      let exporter = try RunningExporter(
        host.start(
          Exporter.withoutNetlink + [Exporter.path] + RunningExporter.arguments + Self.impatient))
      let aged = try host.page(of: exporter) {
        Self.expectConsistent($0)
        return $0.closeWaitAged(of: "leaker")["1"] == 3
      }
      expectGroup("leaker", aged, ["tcp": 4], states: ["listen": 1, "close_wait": 3])
      #expect(aged.closeWaitAged(of: "leaker")["3600"] == 0)

      for descriptor in leaked { try leaker.close(descriptor) }
      _ = try host.page(of: exporter) { $0.closeWait(of: "leaker") == 0 }
      let begin = ContinuousClock.now
      _ = try Self.leak(1, from: closer, to: listener, of: leaker)
      let again = try host.page(of: exporter) {
        $0.closeWait(of: "leaker") == 1
      }
      #expect(
        try #require(again.closeWaitOldest(of: "leaker")) <= begin.duration(to: .now) / .seconds(1))
    }
  }

  @Test("thresholds are in seconds, and these if nothing is said")
  func defaultThresholds() async throws {
    try await TestHost.run { host in
      let leaker = try host.actor(named: "leaker")
      let closer = try host.actor(named: "closer")
      let begin = ContinuousClock.now
      _ = try Self.leak(4, from: closer, to: leaker.listen(), of: leaker)
      let page = try host.sample()
      let expected = ["10": 0.0, "60": 0, "300": 0, "3600": 0]
      // Unless the machine is very slow, none is so old yet.
      let aged = page.closeWaitAged(of: "leaker")
      var expectedOfLeaker = expected
      if begin.duration(to: .now) >= .seconds(10) { expectedOfLeaker["10"] = aged["10"] }
      #expect(aged == expectedOfLeaker)
      // Also of those that hold none.
      #expect(page.closeWaitAged(of: "closer") == expected)
      let other = try host.sample("--close-wait.thresholds", "90s,2m,1d")
      #expect(other.closeWaitAged(of: "leaker") == ["90": 0, "120": 0, "86400": 0])
    }
  }

  @Test("the processes that hold most are named by pid, as many as --process.top says")
  func top() async throws {
    try await TestHost.run { host in
      let closer = try host.actor(named: "closer")
      var pids: [Int] = []
      for count in [2, 5, 3] {
        let leaker = try host.actor(named: "leaker")
        _ = try Self.leak(count, from: closer, to: leaker.listen(), of: leaker)
        pids.append(try leaker.pid())
      }
      let holders = { (page: MetricPage) in
        page.rows("socket_pid_tcp_close_wait", by: "pid", ["process": "leaker"])
      }
      #expect(
        try holders(host.sample()) == ["\(pids[0])": 2, "\(pids[1])": 5, "\(pids[2])": 3])
      #expect(try holders(host.sample("--process.top=2")) == ["\(pids[1])": 5, "\(pids[2])": 3])
      #expect(try holders(host.sample("--process.top=0")).isEmpty)
    }
  }

  @Test("what two groups share is as old in each; what two members share counts once")
  func shared() async throws {
    try await TestHost.run { host in
      let parent = try host.actor(named: "leaker")
      let closer = try host.actor(named: "closer")
      _ = try Self.leak(2, from: closer, to: parent.listen(), of: parent)
      let children = try [parent.fork(), parent.fork()]
      try children[1].name("heir")
      let page = try host.sample()
      expectGroup(
        "leaker", page, ["tcp": 6], states: ["listen": 1, "close_wait": 2], shared: 6)
      expectGroup("heir", page, ["tcp": 3], states: ["listen": 1, "close_wait": 2], shared: 3)
      #expect(page.closeWaitOldest(of: "heir") == page.closeWaitOldest(of: "leaker"))
      #expect(page.closeWaitOldest(of: "heir") != nil)
      expectSockets(page, ["ipv4": ["listen": 1, "close_wait": 2, "fin_wait2": 2]])
    }
  }

  @Test("a process id that is given out again inherits no age")
  func reusedProcessID() async throws {
    try await TestHost.run { host in
      let exporter = try host.serve(Self.impatient)
      let closer = try host.actor(named: "closer")
      let first = try host.actor(named: "leaker")
      let pid = try first.pid()
      _ = try Self.leak(2, from: closer, to: first.listen(), of: first)
      _ = try host.page(of: exporter) { $0.closeWaitAged(of: "leaker")["1"] == 2 }
      first.kill()
      // Not in the midst of its end.
      _ = try host.page(of: exporter) { $0.instances(of: "leaker") == nil }

      // The kernel gives out the next number; where it lets nobody say, there is nothing to test. A
      // thread that the exporter starts at that moment takes a number, too.
      guard try host.nextProcessID(is: pid) else { return }
      let second = try eventually("the number is given out again") { () -> SocketActor? in
        _ = try host.nextProcessID(is: pid)
        let actor = try host.actor(named: "leaker")
        if try actor.pid() == pid { return actor }
        try actor.exit()
        return nil
      }
      let begin = ContinuousClock.now
      _ = try Self.leak(1, from: closer, to: second.listen(), of: second)
      let page = try host.page(of: exporter) {
        $0.closeWait(of: "leaker") == 1
      }
      expectGroup("leaker", page, ["tcp": 2], states: ["listen": 1, "close_wait": 1])
      let oldest = try #require(page.closeWaitOldest(of: "leaker"))
      #expect(oldest <= begin.duration(to: .now) / .seconds(1))
    }
  }

  @Test(
    "ages are kept of living sockets only: twenty thousand that come and go leave no memory",
    .enabled(if: DescriptorLimit.hard >= 2200, "needs 2200 descriptors a process (ulimit -Hn)"))
  func memory() async throws {
    try await TestHost.run { host in
      let leaker = try host.actor(named: "leaker")
      let closer = try host.actor(named: "closer")
      let listener = try leaker.listen(backlog: 256)
      let exporter = try host.serve(Self.impatient)
      var resident: [Double] = []
      for _ in 0..<10 {
        let connections = try closer.connect(to: listener, of: leaker, count: 2000)
        for range in connections.own { try closer.close(range) }
        let full = try host.page(of: exporter) {
          $0.closeWait(of: "leaker") == 2000
        }
        expectGroup("leaker", full, ["tcp": 2001], states: ["listen": 1, "close_wait": 2000])
        resident.append(try #require(full.value("process_resident_memory_bytes")))
        for range in connections.peer { try leaker.close(range) }
        _ = try host.page(of: exporter) { $0.closeWait(of: "leaker") == 0 }
      }
      // The buffers for two thousand sockets were there after the first few rounds. A thread that
      // takes its turn for the first time has some of its own.
      let early = try #require(resident.prefix(3).max())
      let late = try #require(resident.suffix(3).min())
      #expect(late < early + 2_000_000, "\(resident)")
    }
  }
}
