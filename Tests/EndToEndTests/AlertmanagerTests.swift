import Foundation
import TestSupport
import Testing

/// Alerts from the processes that cause them to those who are told, and the news that they are over.
@Suite(
  .enabled(if: TestHost.isAvailable, TestHost.unavailability),
  .enabled(if: PrometheusServer.isInstalled, PrometheusServer.unavailability),
  .enabled(if: AlertmanagerServer.isInstalled, AlertmanagerServer.unavailability),
  .enabled(if: WebhookReceiver.isInstalled, WebhookReceiver.unavailability),
  // It counts from when all tests begin, not from when this one gets a thread.
  .timeLimit(.minutes(60)))
struct AlertmanagerTests {
  private typealias Labels = AlertChain.Labels

  private static let exporterFlags = [
    "--collect.interval=500ms", "--close-wait.thresholds=\(HurriedRules.closeWaitThresholds)",
  ]

  /// A process that holds connections which its peers have closed.
  private struct Leaker {
    let actor: SocketActor
    let listener: SocketActor.Listener
    private let closer: SocketActor
    private(set) var held: [ClosedRange<Int>] = []

    init(_ actor: SocketActor, _ count: Int, closedBy closer: SocketActor) throws {
      self.actor = actor
      self.closer = closer
      listener = try actor.listen()
      try leak(count)
    }

    mutating func leak(_ count: Int) throws {
      let connections = try closer.connect(to: listener, of: actor, count: count)
      for range in connections.own { try closer.close(range) }
      held += connections.peer
    }

    /// What mends it.
    func close() throws {
      for range in held { try actor.close(range) }
    }
  }

  private static func highCloseWait(_ severity: String, _ others: Labels) -> Labels {
    AlertChain.alert("SocketCloseWaitHigh", severity, others.merging(["older_than": "1"]) { $1 })
  }

  private static func stuckCloseWait(_ others: Labels) -> Labels {
    AlertChain.alert(
      "SocketCloseWaitStuck", "info", others.merging(["state": "close_wait"]) { $1 })
  }

  private static func fullQueue(
    _ severity: String, _ listener: SocketActor.Listener, of process: String
  ) -> Labels {
    AlertChain.alert(
      "SocketAcceptQueueHigh", severity,
      ["address": listener.address, "port": "\(listener.port)", "process": process])
  }

  @Test(.enabled(if: DescriptorLimit.hard >= 2200, "needs 2200 descriptors a process (ulimit -Hn)"))
  func `processes that leak are reported by name, and so is the end of each leak`() async throws {
    try await TestHost.run { host in
      let client = try host.actor(named: "client")
      // More than the thresholds by some: a minute later, when the ends of the peers time out, the kernel
      // was seen to reset one of a thousand, in ss, too.
      let leaker = try Leaker(host.actor(named: "leaker"), 110, closedBy: client)
      let flood = try Leaker(host.actor(named: "flood"), 1100, closedBy: client)
      let forgetful = try Leaker(host.actor(named: "forgetful"), 1, closedBy: client)
      var grower = try Leaker(host.actor(named: "grower"), 55, closedBy: client)
      try host.makeNetworkNamespace(named: "blue")
      let inBlue = TestHost.inNetworkNamespace("blue")
      let contained = try Leaker(
        host.actor(named: "contained", wrapper: inBlue), 110,
        closedBy: host.actor(named: "client", wrapper: inBlue))

      let parent = try host.actor(named: "parent")
      try parent.bearChildren(6, .byDefault)

      // One is full to the brim, the other one to three quarters.
      let jammed = try host.actor(named: "jammed")
      let jammedListener = try jammed.listen(backlog: 3)
      for _ in 0..<4 { try client.connect(to: jammedListener) }
      let slow = try host.actor(named: "slow")
      let slowListener = try slow.listen("::1", backlog: 7)
      for _ in 0..<6 { try client.connect(to: slowListener) }

      let frugal = try host.actor(named: "frugal")
      try frugal.limitDescriptors(to: 100)
      try frugal.openFiles(85)
      let greedy = try host.actor(named: "greedy")
      try greedy.limitDescriptors(to: 100)
      // Only who holds sockets is named by pid.
      _ = try greedy.socket(.udp4)
      _ = try greedy.openAll()

      _ = try host.serve(
        Self.exporterFlags + ["--netns=all"], port: AlertChain.exporterPort)
      let chain = try AlertChain(on: host)

      // Those that end first, and those that go on.
      let mended: [Labels] = [
        Self.highCloseWait("warning", ["process": "leaker"]),
        AlertChain.alert("SocketZombieProcesses", "warning", ["parent": "parent"]),
        Self.fullQueue("warning", slowListener, of: "slow"),
      ]
      let lasting: [Labels] = [
        Self.highCloseWait("critical", ["process": "flood"]),
        Self.highCloseWait("warning", ["process": "contained", "netns": "blue"]),
        Self.fullQueue("critical", jammedListener, of: "jammed"),
        AlertChain.alert("SocketListenOverflows", "warning"),
        AlertChain.alert("SocketProcessFileDescriptorsHigh", "warning", ["process": "frugal"]),
        AlertChain.alert("SocketProcessFileDescriptorsHigh", "critical", ["process": "greedy"]),
      ]
      let growing = AlertChain.alert(
        "SocketCloseWaitGrowing", "warning", ["process": "grower", "older_than": "1"])
      // The critical alert speaks for these.
      let inhibited: [Labels] = [
        Self.highCloseWait("warning", ["process": "flood"]),
        Self.fullQueue("warning", jammedListener, of: "jammed"),
        AlertChain.alert("SocketProcessFileDescriptorsHigh", "warning", ["process": "greedy"]),
      ]
      // These are for the dashboards; nobody is told.
      let leakerIsStuck = Self.stuckCloseWait(["process": "leaker"])
      let stuck: [Labels] = [
        leakerIsStuck, Self.stuckCloseWait(["process": "flood"]),
        Self.stuckCloseWait(["process": "forgetful"]), Self.stuckCloseWait(["process": "grower"]),
        Self.stuckCloseWait(["process": "contained", "netns": "blue"]),
      ]

      // No more than one a second: five would be critical.
      var nextRefusal = Deadline(after: .zero)
      func refuse() throws {
        guard nextRefusal.hasPassed else { return }
        nextRefusal = Deadline(after: .seconds(1))
        // Gone before it could ask a second time.
        try client.abandonConnecting(to: jammedListener)
      }
      var nextLeak = Deadline(after: .zero)
      let all = Set(mended + lasting + inhibited + stuck + [growing])
      let allNotified = Set(mended + lasting + [growing])
      try chain.expect(firing: all, notified: allNotified) {
        try refuse()
        guard nextLeak.hasPassed else { return }
        // Never a hundred, for which there is another alert, however long this takes.
        nextLeak = Deadline(after: .seconds(3))
        try grower.leak(1)
      }
      try chain.expectHealthyRules()
      // Also those who are for the dashboards only.
      for (labels, alert) in try chain.firing() {
        #expect(try AlertAdvice.expectUseful(labels, alert.annotations, on: host) > 0, "\(labels)")
        try refuse()
      }
      for (labels, alert) in chain.receiver.last {
        #expect(alert.endsAt.hasPrefix("0001-"), "\(labels)")
      }

      try leaker.close()
      #expect(try parent.reap() == 6)
      for _ in 0..<6 { try slow.accept(slowListener) }
      try chain.expect(
        firing: all.subtracting(mended + [leakerIsStuck, growing]),
        notified: allNotified.subtracting(mended + [growing]), meanwhile: refuse)

      AlertChain.expect(chain.everNotified, are: allNotified, "was notified")

      try flood.actor.exit()
      try forgetful.close()
      try grower.close()
      try contained.actor.exit()
      for _ in 0..<4 { try jammed.accept(jammedListener) }
      try frugal.exit()
      try greedy.exit()
      try chain.expect(firing: [], notified: [])
      for (labels, alert) in chain.receiver.last {
        #expect(alert.status == "resolved", "\(labels)")
        #expect(!alert.endsAt.hasPrefix("0001-"), "\(labels)")
      }

      // Nothing else has fired in between, not even for a moment. Which of two alerts about the same ends
      // first is chance: when it is the critical one, the other one may speak.
      AlertChain.expect(try chain.everFired(), are: all, "fired")
      AlertChain.expect(
        chain.everNotified.subtracting(inhibited), are: allNotified, "was notified")
      chain.expectWholeTexts()
      #expect(chain.severities == ["page": ["critical"], "ticket": ["warning"]])
    }
  }

  @Test
  func `an exporter that may not read, and one that is gone, do not hide what is wrong`()
    async throws
  {
    try await TestHost.run { host in
      // The tests' own connections keep their ports in TIME_WAIT, too, but not so many.
      try host.set("net.ipv4.ip_local_port_range", to: "40000 40999")
      let client = try host.actor(named: "client")
      let server = try host.actor(named: "server")
      let listener = try server.listen(port: 8443)
      try client.connect(to: listener, of: server, count: 860)
      let leaker = try Leaker(host.actor(named: "leaker"), 110, closedBy: client)

      let exporter = try host.serve(
        Self.exporterFlags, port: AlertChain.exporterPort, privileges: .none)
      let chain = try AlertChain(on: host)
      let ports = AlertChain.alert("SocketEphemeralPortsHigh", "warning")
      let unattributed = AlertChain.alert("SocketCloseWaitUnattributed", "warning")
      let unreadable = AlertChain.alert("SocketExporterProcessesUnreadable", "info")
      let down = AlertChain.alert("SocketExporterDown", "warning")

      try chain.expect(
        firing: [ports, unattributed, unreadable], notified: [ports, unattributed])
      try chain.expectHealthyRules()
      for (labels, alert) in try chain.firing() {
        #expect(try AlertAdvice.expectUseful(labels, alert.annotations, on: host) > 0, "\(labels)")
      }

      try leaker.close()
      // The server first: whoever closes first is left with TIME_WAIT, and the client with its ports.
      try server.exit()
      try client.exit()
      try chain.expect(firing: [unreadable], notified: [])

      _ = try exporter.stop()
      try chain.expect(firing: [down], notified: [down])
      _ = try host.serve(Self.exporterFlags, port: AlertChain.exporterPort)
      try chain.expect(firing: [], notified: [])

      AlertChain.expect(
        try chain.everFired(), are: [ports, unattributed, unreadable, down], "fired")
      AlertChain.expect(chain.everNotified, are: [ports, unattributed, down], "was notified")
      chain.expectWholeTexts()
    }
  }
}
