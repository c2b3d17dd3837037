import TestSupport
import Testing

@Suite("Other network namespaces", .onTestHost, .hangLimit)
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
    try host.awaitAcknowledgements(in: leaker)
    return leaker
  }

  private static func held(_ count: Int) -> [String: Double] {
    ["listen": 1, "close_wait": Double(count), "fin_wait2": Double(count)]
  }

  @Test(
    "seen, named, and told apart, though address, port and process name are the same",
    arguments: [[], Exporter.withoutNetlink])
  func all(wrapper: [String]) async throws {
    try await TestHost.run { host in
      try host.makeNetworkNamespace(named: "blue")
      _ = try Self.leak(1, on: host, wrapper: [])
      _ = try Self.leak(2, on: host, wrapper: TestHost.inNetworkNamespace("blue"))
      let unnamed = try Self.leak(3, on: host, wrapper: TestHost.inOwnNetworkNamespace)
      let contained = try Self.leak(4, on: host, wrapper: TestHost.inOwnNetworkNamespace)
      try host.setControlGroup(
        "/system.slice/docker-\(Self.container).scope", of: contained)

      let page = try host.sample("--netns=all", "--close-wait.thresholds=1s", wrapper: wrapper)
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
        #expect(page.value("socket_listener_accept_queue", listener) == 0)
        let limit = wrapper.isEmpty ? Double(10 + count) : nil
        #expect(page.value("socket_listener_accept_queue_limit", listener) == limit)
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

  @Test("a process whose main thread has ended is in the namespace of its other threads")
  func mainThreadEnded() async throws {
    try await TestHost.run { host in
      try host.makeNetworkNamespace(named: "blue")
      let actor = try host.actor(named: "headless", wrapper: TestHost.inNetworkNamespace("blue"))
      _ = try actor.listen()
      _ = try actor.socket(.udp4)
      try actor.leaveMainThread()
      let page = try host.sample("--netns=all")
      expectGroup(
        "headless", in: "blue", page, ["tcp": 1, "unbound": 1], states: ["listen": 1])
      #expect(page.instances(of: "headless") == nil)
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

  @Test("a namespace with a name is read though no process lives in it any more")
  func withoutProcess() async throws {
    try await TestHost.run { host in
      try host.makeNetworkNamespace(named: "blue")
      try host.makeNetworkNamespace(named: "green")
      let gone = try host.actor(named: "gone", wrapper: TestHost.inNetworkNamespace("blue"))
      let listener = try gone.listen()
      for _ in 0..<3 {
        let connected = try gone.connect(to: listener)
        let accepted = try gone.accept(listener)
        try gone.close(connected)
        try gone.read(accepted)
        try gone.close(accepted)
      }
      try gone.exit()
      let page = try host.sample("--netns=all")
      expectSockets(page, in: "blue", ["ipv4": ["time_wait": 3]])
      expectSockets(page, in: "green", [:])
      expectSockets(page, [:])
      #expect(page.value("socket_sockstat_tcp_time_wait", ["netns": "blue"]) == 3)
      #expect(
        page.rows("socket_tcp_sockets", by: "state", ["family": "ipv6", "netns": "green"]).count
          == 11)
      expectNoGroup("gone", page)
    }
  }

  @Test("a namespace with two names has one of them, and the exporter's own has none")
  func severalNames() async throws {
    try await TestHost.run { host in
      try host.makeNetworkNamespace(named: "first")
      for (name, namespace) in [("second", "/run/netns/first"), ("own", "/proc/self/ns/net")] {
        try host.shell("touch \"$1\"; mount --bind \"$2\" \"$1\"", "/run/netns/\(name)", namespace)
      }
      let inside = try host.actor(named: "inside", wrapper: TestHost.inNetworkNamespace("second"))
      _ = try inside.listen()
      let outside = try host.actor(named: "outside")
      _ = try outside.listen()
      let page = try host.sample("--netns=all")
      expectSockets(page, ["ipv4": ["listen": 1]])
      expectSockets(page, in: "first", ["ipv4": ["listen": 1]])
      expectGroup("inside", in: "first", page, ["tcp": 1], states: ["listen": 1])
      expectGroup("outside", page, ["tcp": 1], states: ["listen": 1])
      let names = Set(page.families.flatMap(\.samples).map { $0.labels["netns"] })
      #expect(names == [nil, "first"])
    }
  }

  @Test("groups of all namespaces share the cap, and no sum changes")
  func cap() async throws {
    try await TestHost.run { host in
      try host.makeNetworkNamespace(named: "blue")
      let leakers = try [
        Self.leak(1, on: host, wrapper: []),
        Self.leak(5, on: host, wrapper: TestHost.inNetworkNamespace("blue")),
        Self.leak(3, on: host, wrapper: TestHost.inOwnNetworkNamespace),
      ]
      // A process may be called what the sum is called.
      try leakers[2].name("other")
      // Between the two pages nothing may become older than a threshold.
      let thresholds = "--close-wait.thresholds=1h,1d"
      let whole = try host.sample("--netns=all", thresholds)
      let capped = try host.sample("--netns=all", thresholds, "--process.max-groups=1")
      expectGroup("leaker", in: "blue", capped, ["tcp": 11], states: Self.held(5))
      for family in [
        "socket_process_instances", "socket_process_tcp_sockets",
        "socket_process_close_wait_aged",
      ] {
        #expect(capped.sum(family) == whole.sum(family), "\(family)")
      }
      // The exporter's own descriptors come and go.
      #expect(abs(capped.sum("socket_process_open_fds") - whole.sum("socket_process_open_fds")) < 4)
      for kind in socketKinds {
        let labels = ["kind": kind]
        #expect(
          capped.sum("socket_process_socket_fds", labels)
            == whole.sum("socket_process_socket_fds", labels), "\(kind)")
      }
      #expect(capped.sum("socket_process_tcp_sockets", ["state": "close_wait"]) == 9)
    }
  }
}
