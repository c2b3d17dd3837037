import Foundation
import TestSupport
import Testing

@Suite("The kernel's iterator", .onTestHost, .hangLimit)
struct IteratorTests {
  private static let backend = "socket_exporter_backend_info"

  @Test(
    "thousands of shared sockets, of which each has a row: none is lost, none comes twice",
    .enabled(if: DescriptorLimit.hard >= 3000, "needs 3000 descriptors a process (ulimit -Hn)"))
  func manyRows() async throws {
    try await TestHost.run { host in
      let server = try host.actor(named: "server")
      let client = try host.actor(named: "client")
      try client.connect(to: server.listen(backlog: 1024), of: server, count: 2500)
      let children = try [server.fork(), client.fork()]
      for (child, name) in zip(children, ["server-child", "client-child"]) { try child.name(name) }
      let page = try withExtendedLifetime(children) { try host.sample() }
      for name in ["server", "server-child"] {
        expectGroup(
          name, page, ["tcp": 2501], states: ["listen": 1, "established": 2500], shared: 2501)
        #expect(page.openDescriptors(of: name) == 2504)
      }
      for name in ["client", "client-child"] {
        expectGroup(name, page, ["tcp": 2500], states: ["established": 2500], shared: 2500)
      }
    }
  }

  @Test("more than a thousand processes")
  func manyProcesses() async throws {
    try await TestHost.run { host in
      let crowd = try host.start(["sh", "-c", "for i in $(seq 1100); do sleep 1000 & done; wait"])
      // One that has just started still reads its libraries.
      let page = try host.sample {
        $0.instances(of: "sleep") == 1100 && $0.openDescriptors(of: "sleep") == 3300
      }
      #expect(page.instances(of: "sleep") == 1100)
      // Without job control the shell gives them /dev/null to read.
      #expect(page.openDescriptors(of: "sleep") == 3300)
      #expect(page.value("socket_processes_unreadable") == 0)
      crowd.end()
    }
  }

  /// In /proc the descriptors of a thread stand below its own number, where nobody looks.
  @Test("what a thread holds in a table of its own is its process's; /proc does not tell of it")
  func tablesOfThreads() async throws {
    try await TestHost.run { host in
      let actor = try host.actor(named: "threads")
      _ = try actor.socket(.udp4)
      for count in [3, 4] { try actor.makeThread(withOwnSockets: count) }
      let page = try host.sample("--backend", "bpf")
      expectGroup("threads", page, ["unbound": 1, "raw": 7])
      #expect(page.openDescriptors(of: "threads") == 11)
      expectGroup("threads", try host.sample("--backend", "procfs"), ["unbound": 1])

      try actor.leaveMainThread()
      let left = try host.sample("--backend", "bpf")
      expectGroup("threads", left, ["unbound": 1, "raw": 7])
      #expect(left.instances(of: "threads") == 1)
    }
  }

  @Test("processes that share a table of descriptors hold all of it, each")
  func sharedTable() async throws {
    try await TestHost.run { host in
      let actor = try host.actor(named: "first")
      let descriptor = try actor.socket(.udp4)
      try actor.shareTable(withProcessNamed: "second")
      _ = try actor.socket(.raw4)
      // The other one has its name a moment later.
      let page = try host.sample { $0.instances(of: "second") == 1 }
      for name in ["first", "second"] {
        expectGroup(name, page, ["unbound": 1, "raw": 1], shared: 2)
        #expect(page.openDescriptors(of: name) == 5)
      }
      try actor.close(descriptor)
      let closed = try host.sample()
      for name in ["first", "second"] { expectGroup(name, closed, ["raw": 1], shared: 1) }
    }
  }

  @Test(
    "nothing is left in the kernel when it ends, not even by SIGKILL",
    arguments: [SIGTERM, SIGKILL])
  func leavesNothing(signal: Int32) async throws {
    try await TestHost.run { host in
      let exporter = try host.serve("--collect.interval=100ms")
      _ = try host.page(of: exporter) { $0.value(Self.backend, ["backend": "bpf+sock_diag"]) == 1 }
      let pid = try host.shell("pgrep -x socket-exporter").filter(\.isNumber)
      let script = """
        cat /proc/$1/fdinfo/* | awk '$1 == "link_id:" { print "link", $2 } $1 == "prog_id:" { print "prog", $2 }'
        """
      let objects = try host.shell(script, pid).split(separator: "\n").map { line in
        line.split(separator: " ").map(String.init)
      }
      // The link is the only thing it keeps a descriptor of; the program is kept by the link.
      #expect(Set(objects.map { $0[0] }) == ["link", "prog"])
      func exists(_ object: [String]) throws -> Bool {
        try host.run(["bpftool", object[0], "show", "id", object[1]]).exit == .code(0)
      }
      for object in objects { #expect(try exists(object), "\(object)") }
      _ = try exporter.stop(signal: signal)
      for object in objects {
        try eventually("\(object) is gone") {
          try exists(object) ? nil : true
        }
      }
    }
  }

  @Test("out of descriptors it fails and says so; with some again it goes on as before")
  func exhaustion() async throws {
    try await TestHost.run { host in
      _ = try host.actor(named: "holder").socket(.raw4)
      let exporter = try host.serve("--collect.interval=500ms")
      let isGood = { (page: MetricPage) in
        page.value("socket_exporter_collector_success", ["collector": "process"]) == 1
      }
      _ = try host.page(of: exporter, where: isGood)
      let pid = try host.shell("pgrep -x socket-exporter").filter(\.isNumber)
      let limits = try host.shell("prlimit --pid $1 --nofile --noheadings -o SOFT,HARD", pid)
        .split(whereSeparator: \.isWhitespace)
      try host.shell("prlimit --pid $1 --nofile=3:$2", pid, String(limits[1]))
      // It cannot be asked: a connection takes a descriptor, too.
      var said: [String] = []
      repeat {
        try said.append(#require(exporter.process.errors.line(within: .patience)))
      } while said.last?.contains("collector=process") != true
      try host.shell("prlimit --pid $1 --nofile=$2:$3", pid, String(limits[0]), String(limits[1]))
      let failures = { (page: MetricPage) in
        page.value("socket_exporter_collector_errors_total", ["collector": "process"]) ?? 0
      }
      let page = try host.page(of: exporter) { isGood($0) && failures($0) > 0 }
      #expect(isGood(page))
      #expect(failures(page) > 0)
      #expect(page.value(Self.backend, ["backend": "bpf+sock_diag"]) == 1)
      expectGroup("holder", page, ["raw": 1])
      let (outcome, _) = try exporter.stop()
      let log = said.joined(separator: "\n") + "\n" + outcome.errors
      #expect(log.contains("Too many open files"), "\(log)")
      #expect(!log.contains("BPF failed"), "\(log)")
    }
  }
}
