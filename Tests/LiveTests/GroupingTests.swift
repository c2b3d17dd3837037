import TestSupport
import Testing

@Suite("What makes processes a group", .onTestHost, .hangLimit)
struct GroupingTests {
  private static let container = String(repeating: "fedcba9876543210", count: 4)

  /// The groups that processes of this test are in, with what each holds of TCP.
  private static func held(_ page: MetricPage) -> [String: Double] {
    var held: [String: Double] = [:]
    for sample in page.samples("socket_process_socket_fds")
    where sample.labels["kind"] == "tcp" && sample.value > 0 {
      held[sample.labels["process"] ?? "", default: 0] += sample.value
    }
    return held
  }

  /// An actor that listens on as many ports as are told.
  private static func listen(_ count: Int, _ actor: SocketActor) throws -> SocketActor {
    for _ in 0..<count { _ = try actor.listen() }
    return actor
  }

  @Test("the program, by its path: what the process calls itself does not matter, nor an upgrade")
  func program() async throws {
    try await TestHost.run { host in
      var programs: [String] = []
      for name in ["old", "new"] {
        let program = "\(host.directory)/\(name)/service"
        try host.shell(
          "install -D -m 755 \"$1\" \"$2\"", BuiltProducts.path("socket-actor"), program)
        programs.append(program)
      }
      var actors = [
        try Self.listen(1, host.actor(named: "worker", program: programs[0])),
        try Self.listen(2, host.actor(named: "worker", program: programs[1])),
        try Self.listen(4, host.actor(named: "manager", program: programs[1])),
      ]
      let page = try host.sample("--process.group-by", "exe")
      #expect(Self.held(page) == [programs[0]: 1, programs[1]: 6])
      #expect(page.instances(of: programs[1]) == 2)
      #expect(Self.held(try host.sample()) == ["worker": 3, "manager": 4])

      // A package is upgraded: one service still runs what is gone.
      try host.shell(
        "cp \"$1\" \"$1.new\"; mv \"$1.new\" \"$1\"", programs[1])
      actors.append(try Self.listen(8, host.actor(named: "worker", program: programs[1])))
      let upgraded = try host.sample("--process.group-by=exe")
      #expect(Self.held(upgraded) == [programs[0]: 1, programs[1]: 14])
      #expect(
        upgraded.samples("socket_listener_accept_queue").filter {
          $0.labels["process"] == programs[1]
        }.count == 14)
    }
  }

  @Test("the systemd unit, and the container")
  func controlGroups() async throws {
    try await TestHost.run { host in
      let groups = [
        (1, "/system.slice/nginx.service"),
        (2, "/system.slice/nginx.service"),
        (4, "/user.slice/user-1000.slice/session-3.scope"),
        (8, "/"),
        (16, "/system.slice/docker-\(Self.container).scope"),
        (
          32,
          "/kubepods.slice/kubepods-besteffort.slice/cri-containerd-\(Self.container).scope"
        ),
        (64, "/docker/\(Self.container)"),
      ]
      var actors: [SocketActor] = []
      for (count, group) in groups {
        let actor = try Self.listen(count, host.actor(named: "service"))
        try host.setControlGroup(group, of: actor)
        actors.append(actor)
      }
      let container = String(Self.container.prefix(12))
      #expect(
        Self.held(try host.sample("--process.group-by=unit")) == [
          "nginx.service": 3, "session-3.scope": 4, "(no unit)": 8 + 64,
          "docker-\(Self.container).scope": 16, "cri-containerd-\(Self.container).scope": 32,
        ])
      let containers = try host.sample("--process.group-by=container")
      #expect(Self.held(containers) == [container: 16 + 32 + 64, "(no container)": 15])
      #expect(containers.instances(of: container) == 3)
      withExtendedLifetime(actors) {}
    }
  }

  @Test("zombies stand under the group of their parent, whatever makes it")
  func zombies() async throws {
    try await TestHost.run { host in
      let parent = try host.actor(named: "careless")
      try host.setControlGroup("/system.slice/careless.service", of: parent)
      try parent.bearChildren(2, .byDefault)
      let page = try host.sample("--process.group-by=unit")
      #expect(
        page.rows(
          "socket_zombie_children", by: "parent", ["sigchld": "default"]) == ["careless.service": 2]
      )
      #expect(page.rows("socket_zombie_oldest_seconds", by: "parent").count == 1)
    }
  }

  @Test("groups over the cap are summed into one, and no sum changes")
  func cap() async throws {
    try await TestHost.run { host in
      let server = try host.actor(named: "server")
      let listener = try server.listen()
      for (name, count) in [("big", 40), ("large", 30), ("small", 3), ("tiny", 2), ("none", 0)] {
        let actor = try host.actor(named: name)
        for index in 0..<count {
          let connection = try actor.connect(to: listener, of: server)
          if index % 2 == 1 { try server.shutdown(connection.peer) }
        }
        _ = try actor.socket(.raw4)
        try actor.openFiles(3)
      }
      // A process may be called what the sum is called.
      let namesake = try host.actor(named: "other")
      _ = try namesake.socket(.udp4)
      let child = try namesake.fork()

      let whole = try host.sample { $0.sockets("fin_wait2") == 37 }
      // Thresholds that none of them passes before this page.
      let capped = try host.sample(
        "--process.max-groups", "3", "--close-wait.thresholds", "1h,1d")
      for family in [
        "socket_process_instances", "socket_process_shared_socket_fds",
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
      for state in ["listen", "established", "close_wait", "fin_wait2"] {
        let labels = ["state": state]
        #expect(
          capped.sum("socket_process_tcp_sockets", labels)
            == whole.sum("socket_process_tcp_sockets", labels), "\(state)")
      }
      expectGroup(
        "big", capped, ["tcp": 40, "raw": 1], states: ["established": 20, "close_wait": 20])
      expectGroup(
        "large", capped, ["tcp": 30, "raw": 1], states: ["established": 15, "close_wait": 15])
      #expect(capped.instances(of: "small") == nil)
      #expect(capped.socketDescriptors(of: "small") == nil)
      #expect(
        capped.rows("socket_process_tcp_sockets", by: "state", of: "other")
          == ["established": 3, "close_wait": 2])
      #expect(capped.closeWaitOldest(of: "other") != nil)
      #expect(capped.closeWaitAged(of: "other") == ["3600": 0, "86400": 0])
      let groups = whole.samples("socket_process_instances").count
      #expect(capped.samples("socket_process_instances").count == 4)
      #expect(whole.value("socket_process_groups_folded") == 0)
      #expect(capped.value("socket_process_groups_folded") == Double(groups - 3))
      // The cap on groups does not hide the processes that hold most.
      for name in ["socket_pid_socket_fds", "socket_pid_tcp_close_wait"] {
        #expect(capped.samples(name) == whole.samples(name))
      }
      withExtendedLifetime(child) {}
    }
  }
}
