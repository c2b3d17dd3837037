import TestSupport
import Testing

@Suite("Process names are bytes from strangers", .onTestHost, .hangLimit)
struct ProcessNameTests {
  private static let names: [[UInt8]] = [
    Array("a b  c".utf8),
    Array("(parens)".utf8),
    Array(")) ((".utf8),
    Array(") Z 1".utf8),
    Array(") Z 1 1 1 1 1 1".utf8),
    Array("x) S 0 (y".utf8),
    Array("two\nlines".utf8),
    Array("\n".utf8),
    Array("cr\r\nlf\ttab".utf8),
    Array("quo\"te".utf8),
    Array("back\\slash\\n".utf8),
    Array("\\\\\"\\".utf8),
    Array("exactly15bytes!".utf8),
    Array("{a=\"b\"} 1".utf8),
    Array("# HELP x".utf8),
    Array("größe 漢字".utf8),
    Array("esc\u{1B}[31m".utf8),
    Array("  ".utf8),
    // A character cut off by the limit of 15 bytes.
    Array("aaaaaaaaaaaaaa".utf8) + [0xC3],
    [0xE2, 0x82],
    // Overlong, a surrogate, and beyond the last character.
    [0xC0, 0xAF, 0x20, 0xED, 0xA0, 0x80, 0x20, 0xF4, 0x90, 0x80, 0x80],
    [],
  ]

  /// The label a name becomes. An empty label would be no label at all.
  private static func label(_ name: [UInt8]) -> String {
    name.isEmpty ? "(unnamed)" : String(decoding: name, as: UTF8.self)
  }

  /// A process of each name, each with a listener, a number of sockets of its own, and a zombie.
  private static func populate(_ host: TestHost) throws {
    for (index, name) in names.enumerated() {
      let actor = try host.actor(named: "unnamed")
      try actor.name(bytes: name)
      for _ in 0...index { _ = try actor.socket(.udp4) }
      _ = try actor.listen()
      try actor.bearChildren(1, .byDefault)
    }
  }

  @Test(
    "the page is valid, and each name is the process's own but for what is not UTF-8",
    arguments: [MetricPage.Format.text, .openMetrics])
  func hostileNames(format: MetricPage.Format) async throws {
    try await TestHost.run { host in
      try Self.populate(host)
      let page = try host.sample("--process.top", "100", as: format)
      for (index, bytes) in Self.names.enumerated() {
        let name = Self.label(bytes)
        let sockets = Double(index + 1)
        #expect(page.instances(of: name) == 1, "\(name.debugDescription)")
        expectGroup(name, page, ["unbound": sockets, "tcp": 1], states: ["listen": 1])
        for family in ["socket_listener_accept_queue", "socket_listener_accept_queue_limit"] {
          #expect(
            page.samples(family).filter { $0.labels["process"] == name }.count == 1,
            "\(family) of \(name.debugDescription)")
        }
        #expect(
          page.value("socket_zombie_oldest_seconds", ["parent": name]) == 0,
          "\(name.debugDescription)")
        #expect(
          page.samples("socket_pid_socket_fds").filter { $0.labels["process"] == name }.map(\.value)
            == [sockets + 1], "\(name.debugDescription)")
        #expect(
          page.value("socket_zombie_children", ["parent": name, "sigchld": "default"]) == 1,
          "\(name.debugDescription)")
      }
      #expect(page.value("socket_zombie_processes") == Double(Self.names.count))
      // The named ones, process 1 and the exporter.
      #expect(page.sum("socket_process_instances") == Double(Self.names.count + 2))
    }
  }

  @Test(
    "names that become equal are one group, not one series twice",
    arguments: [[[0xFE], [0xFF]], [[], Array("(unnamed)".utf8)]] as [[[UInt8]]])
  func namesThatBecomeEqual(names: [[UInt8]]) async throws {
    try await TestHost.run { host in
      for name in names {
        let actor = try host.actor(named: "unnamed")
        try actor.name(bytes: name)
        for _ in 0..<3 { _ = try actor.socket(.udp4) }
        try actor.bearChildren(2, .byDefault)
      }
      let page = try host.sample()
      let label = Self.label(names[0])
      #expect(page.instances(of: label) == 2)
      #expect(page.socketDescriptors(of: label) == 6)
      #expect(page.value("socket_zombie_children", ["parent": label, "sigchld": "default"]) == 4)
    }
  }
}
