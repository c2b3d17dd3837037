import TestSupport
import Testing

@Suite("What processes hold", .onTestHost, .hangLimit)
struct ProcessSocketTests {
  /// The pipes an actor talks through.
  private static let ownDescriptors = 3.0

  @Test("a descriptor whose path is longer than the kernel can tell harms nobody")
  func longPath() async throws {
    try await TestHost.run { host in
      let program = """
        import os, socket, sys
        os.chdir(sys.argv[1])
        for _ in range(22):
          os.mkdir('d' * 250)
          os.chdir('d' * 250)
        held = [open('f', 'w'), socket.socket()]
        print('ready', flush=True)
        sys.stdin.read()
        """
      let process = try host.start(["python3", "-c", program, host.directory])
      #expect(process.output.line(within: .patience) == "ready")
      let page = try host.sample()
      #expect(page.value("socket_exporter_collector_success", ["collector": "process"]) == 1)
      #expect(page.socketDescriptors(of: "python3") == 1)
      #expect(page.openDescriptors(of: "python3") == 2 + Self.ownDescriptors)
      #expect(page.value("socket_processes_unreadable") == 0)
      process.end()
      // What removes the host's directory cannot walk so deep by names.
      _ = try host.run(["rm", "-rf", host.directory + "/" + String(repeating: "d", count: 250)])
    }
  }

  @Test("sockets of every kind and other descriptors are counted, by process name and by pid")
  func exactCounts() async throws {
    try await TestHost.run { host in
      let first = try host.actor(named: "worker")
      let second = try host.actor(named: "worker")
      let idle = try host.actor(named: "idle")
      for kind in [
        SocketActor.Kind.tcp4, .tcp6, .udp4, .udp6, .raw4, .unix, .netlink, .packet,
      ] {
        _ = try first.socket(kind)
      }
      try first.unixPair()
      try first.openFiles(7)
      _ = try second.listen()
      try idle.openFiles(2)

      let page = try host.sample()
      #expect(page.instances(of: "worker") == 2)
      #expect(page.socketDescriptors(of: "worker") == 11)
      #expect(page.openDescriptors(of: "worker") == 11 + 7 + 2 * Self.ownDescriptors)
      #expect(page.instances(of: "idle") == 1)
      #expect(page.socketDescriptors(of: "idle") == 0)
      #expect(page.openDescriptors(of: "idle") == 2 + Self.ownDescriptors)
      #expect(page.value("socket_processes_unreadable") == 0)
      #expect(page.value("socket_process_groups_folded") == 0)

      let holder = { (actor: SocketActor) in
        page.value("socket_pid_socket_fds", ["pid": "\(try actor.pid())", "process": "worker"])
      }
      #expect(try holder(first) == 10)
      #expect(try holder(second) == 1)
      // Who holds no socket is not among those that hold most.
      #expect(!page.samples("socket_pid_socket_fds").contains { $0.labels["process"] == "idle" })
    }
  }

  @Test("a process whose main thread has ended is alive, and its sockets count")
  func mainThreadEnded() async throws {
    try await TestHost.run { host in
      let actor = try host.actor(named: "headless")
      _ = try actor.listen()
      _ = try actor.socket(.udp4)
      try actor.openFiles(4)
      try actor.leaveMainThread()

      let page = try host.sample()
      #expect(page.instances(of: "headless") == 1)
      #expect(page.socketDescriptors(of: "headless") == 2)
      #expect(page.openDescriptors(of: "headless") == 6 + Self.ownDescriptors)
      #expect(page.value("socket_zombie_processes") == 0)
      #expect(page.value("socket_processes_unreadable") == 0)
      expectSockets(page, ["ipv4": ["listen": 1]])
    }
  }

  @Test("--process.top bounds the processes that are named by pid")
  func top() async throws {
    try await TestHost.run { host in
      var pids: [Int] = []
      for sockets in [5, 9, 7] {
        let actor = try host.actor(named: "holder")
        for _ in 0..<sockets { _ = try actor.socket(.udp4) }
        pids.append(try actor.pid())
      }
      let holders = { (page: MetricPage) in
        Dictionary(
          page.samples("socket_pid_socket_fds").map { ($0.labels["pid"] ?? "", $0.value) }
        ) { $0 + $1 }
      }
      #expect(holders(try host.sample("--process.top", "1")) == ["\(pids[1])": 9])
      #expect(
        holders(try host.sample("--process.top", "2")) == ["\(pids[1])": 9, "\(pids[2])": 7])
      #expect(holders(try host.sample("--process.top", "0")).isEmpty)
    }
  }

  @Test("a collector that is off leaves nothing on the page, and the others stay")
  func collectorOff() async throws {
    try await TestHost.run { host in
      _ = try host.actor(named: "actor").listen()
      let page = try host.sample("--no-collector.process", "--no-collector.zombie")
      #expect(page.samples("socket_process_instances").isEmpty)
      #expect(page.samples("socket_pid_socket_fds").isEmpty)
      #expect(page.samples("socket_zombie_processes").isEmpty)
      expectSockets(page, ["ipv4": ["listen": 1]])
      #expect(page.value("socket_exporter_collector_success", ["collector": "process"]) == nil)
      #expect(page.value("socket_exporter_collector_success", ["collector": "tcp"]) == 1)
    }
  }
}
