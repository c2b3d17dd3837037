import TestSupport
import Testing

@Suite("Other network namespaces", .onTestHost, .timeLimit(.minutes(2)))
struct NetworkNamespaceTests {
  private static let container = String(repeating: "0123456789abcdef", count: 4)

  /// CLOSE_WAIT sockets of a process of this name in a namespace: everything has one address there.
  private static func leak(
    _ count: Int, on host: TestHost, wrapper: [String]
  ) throws -> SocketActor {
    let leaker = try host.actor(named: "leaker", wrapper: wrapper)
    let listener = try leaker.listen(port: 80, backlog: 10 + count)
    for _ in 0..<count {
      let own = try leaker.connect(to: listener)
      try leaker.accept(listener)
      try leaker.shutdown(own)
    }
    return leaker
  }

  private static func held(_ count: Int) -> [String: Double] {
    ["listen": 1, "close_wait": Double(count), "fin_wait2": Double(count)]
  }

  @Test("seen, named, and told apart, though address, port and process name are the same")
  func all() async throws {
    try await TestHost.run { host in
      try host.makeNetworkNamespace(named: "blue")
      _ = try Self.leak(1, on: host, wrapper: [])
      _ = try Self.leak(2, on: host, wrapper: TestHost.inNetworkNamespace("blue"))
      let unnamed = try Self.leak(3, on: host, wrapper: TestHost.inOwnNetworkNamespace)
      let contained = try Self.leak(4, on: host, wrapper: TestHost.inOwnNetworkNamespace)
      try host.setControlGroup(
        "/system.slice/docker-\(Self.container).scope", of: contained)

      let page = try host.sample("--netns=all", "--close-wait.thresholds=1s")
      let inode = try host.networkNamespace(of: unnamed)
      expectSockets(page, ["ipv4": Self.held(1)])
      expectGroup("leaker", page, ["tcp": 3], states: Self.held(1))
      let others = ["blue": 2, "ns-\(inode)": 3, "0123456789ab": 4]
      for (namespace, count) in others {
        expectSockets(page, in: namespace, ["ipv4": Self.held(count)])
        expectGroup(
          "leaker", in: namespace, page, ["tcp": Double(1 + 2 * count)], states: Self.held(count))
        #expect(page.closeWaitAged(of: "leaker", in: namespace).keys.sorted() == ["1"])
        #expect(page.closeWaitOldest(of: "leaker", in: namespace) != nil)
        #expect(
          page.value("socket_process_instances", page.labels(of: "leaker", in: namespace)) == 1)
        var listener = ["address": "127.0.0.1", "port": "80", "process": "leaker"]
        listener["netns"] = namespace
        #expect(
          page.value("socket_listener_accept_queue_limit", listener) == Double(10 + count))
        #expect(
          page.rows(
            "socket_listener_tcp_sockets", by: "state", ["port": "80", "netns": namespace])
            == ["listen": 1, "close_wait": Double(count)])
        #expect(
          page.value(
            "socket_sockstat_inuse", ["protocol": "tcp", "family": "ipv4", "netns": namespace])
            == Double(1 + 2 * count))
        #expect(
          page.value("socket_ephemeral_ports_used_worst", ["netns": namespace]) == Double(count))
        #expect(
          page.value("socket_tcp_active_opens_total", ["netns": namespace]) == Double(count))
      }
      let namespaces = Set(page.samples("socket_tcp_sockets").map { $0.labels["netns"] })
      #expect(namespaces == Set([nil] + others.keys.map { $0 }))
      #expect(
        page.rows("socket_exporter_network_namespaces", by: "result")
          == ["read": 3, "failed": 0, "skipped": 0])
      for collector in ["sockstat", "tcp", "process", "listener", "port", "zombie", "limit"] {
        #expect(page.value("socket_exporter_collector_success", ["collector": collector]) == 1)
      }
    }
  }

  @Test("by default other namespaces are not read, and sockets there are of another kind")
  func ownOnly() async throws {
    try await TestHost.run { host in
      _ = try Self.leak(1, on: host, wrapper: [])
      let other = try Self.leak(2, on: host, wrapper: TestHost.inOwnNetworkNamespace)
      _ = try other.socket(.udp4)
      for flags in [[], ["--netns=own"]] {
        let page = try host.sample(flags)
        #expect(page.families.flatMap(\.samples).allSatisfy { $0.labels["netns"] == nil })
        expectSockets(page, ["ipv4": Self.held(1)])
        expectGroup("leaker", page, ["tcp": 3, "other": 6], states: Self.held(1))
        #expect(page.instances(of: "leaker") == 2)
        #expect(page.samples("socket_listener_accept_queue").count == 1)
      }
    }
  }

  @Test("sockets of two namespaces in one process: each counts where it is")
  func passedBetweenNamespaces() async throws {
    try await TestHost.run { host in
      try host.makeNetworkNamespace(named: "blue")
      let inside = try host.actor(
        named: "inside", wrapper: TestHost.inNetworkNamespace("blue"))
      let outside = try host.actor(named: "outside")
      let listener = try inside.listen()
      // Paths reach where abstract names do not.
      let channel = try outside.connectUnix(to: inside, name: host.directory + "/channel")
      try inside.sendDescriptor(listener.descriptor, through: channel.peer)
      _ = try outside.receiveDescriptor(through: channel.own)
      try inside.close(listener.descriptor)
      let page = try host.sample("--netns=all")
      expectSockets(page, in: "blue", ["ipv4": ["listen": 1]])
      expectSockets(page, [:])
      expectGroup("inside", in: "blue", page, ["unix": 1])
      expectGroup("outside", page, ["unix": 1, "tcp": 1], states: ["listen": 1])
      #expect(
        page.value(
          "socket_listener_accept_queue",
          [
            "netns": "blue", "address": "127.0.0.1", "port": "\(listener.port)",
            "process": "outside",
          ]) == 0)
    }
  }

  @Test("a namespace that ends takes its series with it, and nothing else")
  func ends() async throws {
    try await TestHost.run { host in
      _ = try Self.leak(1, on: host, wrapper: [])
      let other = try Self.leak(2, on: host, wrapper: TestHost.inOwnNetworkNamespace)
      let name = "ns-" + (try host.networkNamespace(of: other))
      let exporter = try host.serve(
        "--netns=all", "--collect.interval=100ms")
      let both = try host.page(of: exporter) { _ in true }
      expectSockets(both, in: name, ["ipv4": Self.held(2)])
      other.kill()
      let page = try host.page(of: exporter) { page in
        !page.families.flatMap(\.samples).contains { $0.labels["netns"] != nil }
      }
      #expect(page.families.flatMap(\.samples).allSatisfy { $0.labels["netns"] == nil })
      expectGroup("leaker", page, ["tcp": 3], states: Self.held(1))
      let errors = page.samples("socket_exporter_collector_errors_total")
      #expect(errors.allSatisfy { $0.value == 0 })
      #expect(try exporter.stop().outcome.exit == .code(0))
    }
  }
}
