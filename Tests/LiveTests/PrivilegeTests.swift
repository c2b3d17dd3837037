import TestSupport
import Testing

@Suite("Without root", .onTestHost, .hangLimit)
struct PrivilegeTests {
  /// One process of root's, one of the exporter's own user, and one that hides from its own user.
  private static func populate(_ host: TestHost) throws {
    let roots = try host.actor(named: "roots")
    for _ in 0..<3 { _ = try roots.socket(.udp4) }
    _ = try roots.listen()

    let own = try host.actor(named: "own")
    try own.bind(own.socket(.udp4))
    _ = try own.socket(.tcp6)
    try own.openFiles(4)
    try own.become(user: Exporter.Privileges.user)

    let hidden = try host.actor(named: "hidden")
    _ = try hidden.socket(.udp4)
    try hidden.become(user: Exporter.Privileges.user)
    try hidden.hideDescriptors()
  }

  private static func expectOwnProcessOnly(_ page: MetricPage) {
    #expect(page.instances(of: "own") == 1)
    expectGroup("own", page, ["udp": 1, "unbound": 1])
    // Its sockets, its files and the pipes it talks through.
    #expect(page.openDescriptors(of: "own") == 9)
    for name in ["roots", "hidden"] {
      // Absent: a zero would say that it holds none.
      #expect(page.socketDescriptors(of: name) == nil, "\(name)")
      #expect(page.openDescriptors(of: name) == nil, "\(name)")
      for family in [
        "socket_process_tcp_sockets", "socket_process_shared_socket_fds",
        "socket_process_close_wait_aged", "socket_process_fd_limit_ratio", "socket_pid_socket_fds",
      ] {
        #expect(!page.samples(family).contains { $0.labels["process"] == name }, "\(family)")
      }
    }
    for collector in ["sockstat", "tcp", "process", "listener", "port", "zombie", "limit"] {
      #expect(page.value("socket_exporter_collector_success", ["collector": collector]) == 1)
    }
    expectSockets(page, ["ipv4": ["listen": 1]])
  }

  @Test("what may not be read is absent and counted, what may be read is right")
  func noPrivileges() async throws {
    try await TestHost.run { host in
      try Self.populate(host)
      let page = try host.sample(privileges: .none)
      Self.expectOwnProcessOnly(page)
      #expect(page.instances(of: "roots") == 1)
      #expect(page.instances(of: "hidden") == 1)
      // Those two and process 1.
      #expect(page.value("socket_processes_unreadable") == 3)
      #expect(try host.sample().value("socket_processes_unreadable") == 0)
    }
  }

  @Test("root of a user namespace of its own sees no more than the user it came from")
  func userNamespace() async throws {
    try await TestHost.run { host in
      try Self.populate(host)
      let arguments = ["--netns", "all"]
      let page = try host.sample(
        arguments, privileges: .none, wrapper: ["unshare", "--user", "--map-root-user"])
      #expect(page.value("socket_processes_unreadable") ?? 0 >= 3)
      for name in ["roots", "hidden"] { #expect(page.socketDescriptors(of: name) == nil) }
      for collector in ["sockstat", "tcp", "process", "listener", "port", "zombie", "limit"] {
        #expect(page.value("socket_exporter_collector_success", ["collector": collector]) == 1)
      }
      expectSockets(page, ["ipv4": ["listen": 1]])
    }
  }

  @Test("permission to list is not permission to read: no zeros")
  func listingOnly() async throws {
    try await TestHost.run { host in
      try Self.populate(host)
      let page = try host.sample(privileges: .listing)
      Self.expectOwnProcessOnly(page)
      #expect(page.value("socket_processes_unreadable") == 3)
    }
  }

  @Test("root without capabilities may read little, and says so")
  func rootWithoutCapabilities() async throws {
    try await TestHost.run { host in
      try Self.populate(host)
      let page = try host.sample(privileges: .rootWithoutCapabilities)
      for name in ["roots", "own", "hidden"] {
        #expect(page.instances(of: name) == 1, "\(name)")
        #expect(page.socketDescriptors(of: name) == nil, "\(name)")
        #expect(page.openDescriptors(of: name) == nil, "\(name)")
      }
      #expect(page.value("socket_processes_unreadable") == 4)
      expectSockets(page, ["ipv4": ["listen": 1]])
    }
  }

  @Test("groups that cannot be read are folded like others, and add no zeros")
  func unreadableGroupsFolded() async throws {
    try await TestHost.run { host in
      try Self.populate(host)
      let page = try host.sample("--process.max-groups", "1", privileges: .none)
      // Process 1, root's, the hidden one, and the exporter.
      #expect(page.socketDescriptors(of: "own") == 2)
      #expect(page.instances(of: "other") == 4)
      #expect(page.sum("socket_process_instances") == 5)
      #expect(page.value("socket_process_groups_folded") == 4)
      #expect(page.value("socket_processes_unreadable") == 3)
    }
  }

  @Test("a group of which one member is unreadable shows the others, and says so")
  func partlyReadableGroup() async throws {
    try await TestHost.run { host in
      let roots = try host.actor(named: "mixed")
      let own = try host.actor(named: "mixed")
      for _ in 0..<5 { _ = try roots.socket(.udp4) }
      for _ in 0..<2 { _ = try own.socket(.udp4) }
      try own.become(user: Exporter.Privileges.user)

      let page = try host.sample(privileges: .none)
      #expect(page.instances(of: "mixed") == 2)
      #expect(page.socketDescriptors(of: "mixed") == 2)
      #expect(page.value("socket_processes_unreadable") == 2)
    }
  }

  @Test("connections of unreadable processes count on the host, and in nobody")
  func unreadableConnections() async throws {
    try await TestHost.run { host in
      let roots = try host.actor(named: "roots")
      let own = try host.actor(named: "own")
      let listener = try roots.listen()
      for _ in 0..<3 { try own.connect(to: listener, of: roots) }
      let leaking = try own.connect(to: listener, of: roots)
      try roots.shutdown(leaking.peer)
      try own.become(user: Exporter.Privileges.user)
      try host.awaitAcknowledgements()

      let page = try host.sample(privileges: .none)
      let states = ["established": 6.0, "listen": 1, "close_wait": 1, "fin_wait2": 1]
      expectSockets(page, ["ipv4": states])
      expectGroup("own", page, ["tcp": 4], states: ["established": 3, "close_wait": 1])
      #expect(page.closeWaitOldest(of: "own") != nil)
      #expect(page.sum("socket_process_socket_fds", ["kind": "tcp"]) == 4)
      // Where the other processes cannot be read nothing is known of sharing.
      #expect(page.sum("socket_process_shared_socket_fds") == 0)
      #expect(
        page.rows(
          "socket_listener_tcp_sockets", by: "state", ["port": "\(listener.port)"])
          == ["listen": 1, "established": 3, "fin_wait2": 1, "close_wait": 0])
    }
  }

  @Test("without the right to enter other network namespaces the own one is right")
  func otherNamespaces() async throws {
    try await TestHost.run { host in
      try Self.populate(host)
      let other = try host.actor(named: "other-side", wrapper: TestHost.inOwnNetworkNamespace)
      _ = try other.listen()
      try other.become(user: Exporter.Privileges.user)
      let page = try host.sample("--netns=all", privileges: .none)
      Self.expectOwnProcessOnly(page)
      // Its namespace was not read: what its sockets are is not known, how many there are is.
      let name = "ns-" + (try host.networkNamespace(of: other))
      expectGroup("other-side", in: name, page, ["other": 1])
      #expect(
        page.rows("socket_exporter_network_namespaces", by: "result")
          == ["read": 0, "failed": 1, "skipped": 0])
      #expect(page.samples("socket_tcp_sockets").allSatisfy { $0.labels["netns"] == nil })
    }
  }

  @Test("zombies and their parents are seen without privileges")
  func zombies() async throws {
    try await TestHost.run { host in
      try host.actor(named: "careless").bearChildren(3, .byDefault)
      let page = try host.sample(privileges: .none)
      #expect(page.value("socket_zombie_processes") == 3)
      #expect(
        page.value("socket_zombie_children", ["parent": "careless", "sigchld": "default"]) == 3)
      // The zombies have nothing to read; the parent and process 1 have.
      #expect(page.value("socket_processes_unreadable") == 2)
    }
  }

  /// Mounts a second /proc which hides what is not the reader's own.
  private static func mountProcFileSystem(on host: TestHost, hidepid: Int) throws -> String {
    let directory = host.directory + "/proc"
    let script = "mkdir \"$1\" && mount -t proc -o hidepid=\(hidepid) proc \"$1\""
    let mounted = try host.run(["sh", "-c", script, "sh", directory])
    try #require(mounted.exit == .code(0), "\(mounted.errors)")
    return directory
  }

  @Test("where /proc shows other users' processes by number only, they are counted")
  func closedProcesses() async throws {
    try await TestHost.run { host in
      try Self.populate(host)
      let directory = try Self.mountProcFileSystem(on: host, hidepid: 1)
      let page = try host.sample("--path.procfs", directory, privileges: .none)
      Self.expectOwnProcessOnly(page)
      #expect(page.value("socket_processes_unreadable") == 3)
      #expect(page.value("socket_processes") == 5)
      // Any of those that are closed may be a zombie: nothing is known, so nothing is said.
      #expect(page.value("socket_zombie_processes") == nil)
      #expect(page.samples("socket_zombie_children").isEmpty)
    }
  }

  @Test("where /proc hides other users' processes, they are absent, and the rest is right")
  func hiddenProcesses() async throws {
    try await TestHost.run { host in
      try Self.populate(host)
      let directory = try Self.mountProcFileSystem(on: host, hidepid: 2)
      let page = try host.sample("--path.procfs", directory, privileges: .none)
      Self.expectOwnProcessOnly(page)
      #expect(page.instances(of: "roots") == nil)
      #expect(page.instances(of: "hidden") == nil)
    }
  }
}
