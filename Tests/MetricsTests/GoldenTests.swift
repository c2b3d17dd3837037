import Exposition
import Foundation
import Metrics
import SocketModel
import TestSupport
import Testing

/// The whole page of a made-up host, byte for byte. After a wanted change `make golden` writes the
/// files anew; read the diff.
struct GoldenTests {
  static let build = BuildInfo(version: "1.2.3", revision: "0123abc", swift: "6.3")

  static let http = HTTPCounts(
    requests: [(200, 12), (404, 1), (503, 0)],
    rejected: [("max_requests", 0), ("timeout", 2)])

  /// A host in trouble: CLOSE_WAIT in a Java program, zombies, and names that nobody should have.
  static var troubled: Snapshot {
    var snapshot = Snapshot(backend: .procfsAndSockDiag)
    var sockstat = Sockstat()
    sockstat.socketsUsed = 4711
    sockstat.ipv4.inUse = [1200, 14, 0, 1, 0]
    sockstat.ipv4.fragmentMemoryBytes = 0
    sockstat.ipv6.inUse = [30, 4, nil, 0, 2]
    sockstat.ipv6.fragmentMemoryBytes = 2048
    sockstat.tcpOrphans = 3
    sockstat.tcpTimeWait = 250
    sockstat.tcpAllocated = 1300
    sockstat.tcpMemoryBytes = 4_194_304
    sockstat.udpMemoryBytes = 8192
    snapshot.sockstat = [InNamespace(namespace: nil, value: sockstat)]

    var counts = TCPSocketCounts()
    counts[.established, .ipv4] = 160
    counts[.closeWait, .ipv4] = 1024
    counts[.listen, .ipv4] = 12
    counts[.listen, .ipv6] = 9
    counts[.timeWait, .ipv4] = 250
    counts[.synReceived, .ipv6] = 1
    var tcp = TCPSockets()
    tcp.counts = counts
    snapshot.tcp = [InNamespace(namespace: nil, value: tcp)]

    func group(
      _ name: String, _ instances: UInt64, readable: UInt64, sockets: UInt64, open: UInt64
    ) -> ProcessSockets.Group {
      var group = ProcessSockets.Group(name: name)
      group.instances = instances
      group.readable = readable
      group.socketDescriptors[.other] = sockets
      group.openDescriptors = open
      return group
    }
    var process = ProcessSockets()
    process.groups = [
      group("a \"quoted\" \\ na", 1, readable: 1, sockets: 0, open: 3),
      group("java", 2, readable: 2, sockets: 1180, open: 1500),
      group("new\nline", 1, readable: 1, sockets: 1, open: 4),
      group("other", 40, readable: 38, sockets: 77, open: 900),
      group("private", 1, readable: 0, sockets: 0, open: 0),
      group("\u{FFFD}\u{FFFD}", 1, readable: 1, sockets: 2, open: 5),
    ]
    process.foldedGroups = 17
    process.topSocketDescriptors = [
      ProcessSockets.Holder(pid: 4242, name: "java", count: 1100),
      ProcessSockets.Holder(pid: 17, name: "java", count: 80),
    ]
    process.unreadable = 3
    snapshot.process = process

    var zombie = Zombies()
    zombie.total = 7
    zombie.children = [
      Zombies.Children(parent: "sh", childSignal: .default, count: 5),
      Zombies.Children(parent: "unknown", childSignal: .unknown, count: 2),
    ]
    zombie.processes = 321
    zombie.processLimit = 32768
    snapshot.zombie = zombie

    snapshot.collectors = Collector.allCases.map {
      var status = CollectorStatus(collector: $0, interval: .seconds(5))
      status.succeeded = true
      status.duration = .microseconds(1500)
      status.cpuTime = .milliseconds(1250)
      status.errors = 1
      status.lastSuccess = SampleTime(timestampSeconds: 1_763_697_000.25, instant: .now)
      return status
    }
    snapshot.exporter = ExporterProcess(
      cpuSeconds: 1.5, residentMemoryBytes: 16_777_216, virtualMemoryBytes: 268_435_456,
      openDescriptors: 11, maxDescriptors: 1024, startTimeSeconds: 1_763_690_000.5)
    return snapshot
  }

  /// Nothing could be read yet, without root, where netlink is refused.
  static var empty: Snapshot {
    var snapshot = Snapshot(backend: .procfs)
    snapshot.collectors = Collector.allCases.map {
      var status = CollectorStatus(collector: $0, interval: .milliseconds(500))
      status.errors = 1
      return status
    }
    return snapshot
  }

  @Test(
    arguments: [("troubled", troubled), ("empty", empty)], ExpositionFormat.allCases)
  func pageIsTheGoldenOne(snapshot: (name: String, value: Snapshot), format: ExpositionFormat)
    throws
  {
    let file = "golden/\(snapshot.name).\(format == .text ? "prom" : "om")"
    let page = MetricsPage(
      snapshot.value, build: Self.build, http: Self.http, format: format)
    if ProcessInfo.processInfo.environment["SOCKET_EXPORTER_WRITE_GOLDEN"] != nil {
      try Data(page.bytes).write(to: URL(filePath: Fixtures.path(file)))
    }
    #expect(
      String(decoding: page.bytes, as: UTF8.self)
        == String(decoding: try Fixtures.bytes(file), as: UTF8.self))
  }

  @Test(arguments: ExpositionFormat.allCases)
  func selectionLeavesOutTheOthersOnly(format: ExpositionFormat) {
    let page = MetricsPage(
      Self.troubled, build: Self.build, http: Self.http, format: format)
    #expect(page.bytes(selecting: Set(Collector.allCases)) == page.bytes)
    var onlyTCP = Self.troubled
    onlyTCP.sockstat = nil
    onlyTCP.process = nil
    onlyTCP.zombie = nil
    let expected = MetricsPage(onlyTCP, build: Self.build, http: Self.http, format: format)
    #expect(page.bytes(selecting: [.tcp]) == expected.bytes)
  }

  @Test func exporterMetricsCanBeLeftOut() {
    let page = MetricsPage(
      Self.troubled, build: Self.build, http: Self.http, includesExporter: false, format: .text)
    let text = String(decoding: page.bytes, as: UTF8.self)
    #expect(text.contains("socket_tcp_sockets"))
    #expect(!text.contains("socket_exporter_"))
    #expect(!text.contains("\nprocess_"))
  }
}
