import Foundation
import TestSupport
import Testing

/// Ways in which the kernel may refuse BPF, and what it then says.
private struct Refusal: CustomTestStringConvertible, Sendable {
  let name: String
  var privileges = Exporter.Privileges.root
  var wrapper: [String] = []
  let reason: String
  /// Whether root's processes can be read all the same.
  var readsAll = true

  var testDescription: String { name }

  static let all = [
    Refusal(
      name: "no CAP_BPF", privileges: .rootWithOnly(["dac_read_search", "sys_ptrace"]),
      reason: "bpf: Operation not permitted: it takes CAP_BPF and CAP_PERFMON"),
    Refusal(
      name: "no CAP_PERFMON",
      privileges: .rootWithOnly(["bpf", "dac_read_search", "sys_ptrace"]),
      reason: "bpf: Operation not permitted: it takes CAP_BPF and CAP_PERFMON"),
    Refusal(
      name: "no types of the kernel",
      wrapper: [
        "unshare", "--mount", "sh", "-euc", "mount -t tmpfs none /sys/kernel/btf; exec \"$@\"",
        "sh",
      ],
      reason: "the kernel has no BTF: /sys/kernel/btf/vmlinux is missing"),
    Refusal(
      name: "a seccomp filter", wrapper: Exporter.withoutBPF(error: EPERM),
      reason: "bpf: Operation not permitted: it takes CAP_BPF and CAP_PERFMON"),
    Refusal(
      name: "a seccomp filter that knows no bpf(2)", wrapper: Exporter.withoutBPF(error: ENOSYS),
      reason: "bpf: Function not implemented"),
    Refusal(
      name: "a user namespace", wrapper: ["unshare", "--user", "--map-root-user"],
      reason: "bpf: Operation not permitted: it takes CAP_BPF and CAP_PERFMON",
      readsAll: false),
  ]
}

extension MetricPage {
  /// The way of attribution that made the page.
  fileprivate var attribution: String? {
    let used = samples("socket_exporter_backend_info").filter { $0.value == 1 }
    return used.count == 1 ? used[0].labels["backend"] : nil
  }

  fileprivate var unreadable: Double? { value("socket_processes_unreadable") }
}

@Suite("BPF or /proc", .onTestHost, .hangLimit)
struct BackendChoiceTests {
  /// A leaking server, clients that share their sockets, and processes of two users.
  ///
  /// Returns the one that lives for as long as the test refers to it.
  private static func populate(_ host: TestHost) throws -> SocketActor {
    let server = try host.actor(named: "server")
    let client = try host.actor(named: "client")
    let listener = try server.listen()
    for _ in 0..<3 { try client.connect(to: listener, of: server) }
    try client.shutdown(client.connect(to: listener, of: server).own)
    let child = try client.fork()
    try child.name("child")
    try client.become(user: Exporter.Privileges.user + 1)
    _ = try server.socket(.udp4)
    try host.awaitAcknowledgements()
    return child
  }

  private static func expectAll(_ page: MetricPage) {
    expectGroup(
      "server", page, ["tcp": 5, "unbound": 1],
      states: ["listen": 1, "established": 3, "close_wait": 1])
    for name in ["client", "child"] {
      expectGroup(
        name, page, ["tcp": 4], states: ["established": 3, "fin_wait2": 1], shared: 4)
    }
    #expect(page.unreadable == 0)
  }

  @Test("the flag is obeyed, and the page says so")
  func obeyed() async throws {
    try await TestHost.run { host in
      let child = try Self.populate(host)
      defer { withExtendedLifetime(child) {} }
      for (flags, used) in [
        (["--backend=procfs"], "procfs+sock_diag"), (["--backend=bpf"], "bpf+sock_diag"),
        (["--backend=auto"], "bpf+sock_diag"), ([], "bpf+sock_diag"),
      ] {
        let page = try host.sample(flags)
        #expect(page.attribution == used)
        Self.expectAll(page)
      }
      for (backend, used) in [("procfs", "procfs"), ("bpf", "bpf+procfs")] {
        let page = try host.sample("--backend", backend, wrapper: Exporter.withoutNetlink)
        #expect(page.attribution == used)
        Self.expectAll(page)
      }
    }
  }

  @Test(
    "where the kernel refuses, /proc is read: one line says why, and the numbers are the same",
    arguments: Refusal.all)
  private func refused(_ refusal: Refusal) async throws {
    try await TestHost.run { host in
      let child = try Self.populate(host)
      defer { withExtendedLifetime(child) {} }
      func run(_ flags: String...) throws -> ChildProcess.Outcome {
        try host.runExporter(
          ["metrics"] + flags, privileges: refusal.privileges, wrapper: refusal.wrapper)
      }
      let outcome = try run()
      #expect(outcome.exit == .code(0))
      let page = try MetricPage(outcome.output)
      #expect(page.attribution == "procfs+sock_diag")
      if refusal.readsAll { Self.expectAll(page) }
      let lines = outcome.errors.split(separator: "\n")
      #expect(lines.count == 1, "\(lines)")
      #expect(lines.first?.contains("level=info") == true)
      #expect(lines.first?.contains(refusal.reason) == true, "\(lines)")

      let asked = try run("--backend", "procfs")
      #expect(asked.errors.isEmpty, "\(asked.errors)")
      #expect(try BackendComparison.differences(page, MetricPage(asked.output)) == [])

      let impossible = try run("--backend", "bpf")
      #expect(impossible.exit == .code(64))
      #expect(impossible.output.isEmpty)
      let said = impossible.errors.split(separator: "\n")
      #expect(said.count == 1, "\(said)")
      for part in ["--backend", "'bpf'", refusal.reason] {
        #expect(said.first?.contains(part) == true, "\(said)")
      }
    }
  }

  @Test(
    "two capabilities suffice to read all of everyone, and so does the old one for all",
    arguments: [["bpf", "perfmon"], ["sys_admin"]])
  func leastPrivileges(capabilities: [String]) async throws {
    try await TestHost.run { host in
      let child = try Self.populate(host)
      defer { withExtendedLifetime(child) {} }
      let hidden = try host.actor(named: "hidden")
      _ = try hidden.socket(.udp4)
      try hidden.hideDescriptors()
      let page = try host.sample("--backend", "bpf", privileges: .only(capabilities))
      #expect(page.attribution == "bpf+sock_diag")
      Self.expectAll(page)
      expectGroup("hidden", page, ["unbound": 1])
    }
  }

  @Test("a process without descriptors has none, which is no matter of privileges")
  func withoutDescriptors() async throws {
    try await TestHost.run { host in
      // It closes them last, so the name alone does not tell that it has.
      _ = try host.start(["sh", "-c", "exec sleep 1000 <&- >&- 2>&-"])
      let page = try host.sample { $0.openDescriptors(of: "sleep") == 0 }
      #expect(page.openDescriptors(of: "sleep") == 0)
      #expect(page.unreadable == 0)
      let others = try host.sample("--backend", "bpf", privileges: .only(["bpf", "perfmon"]))
      #expect(others.openDescriptors(of: "sleep") == 0)
      #expect(others.unreadable == 0)
    }
  }
}

@Suite("BPF in other process namespaces", .onTestHost, .hangLimit)
struct BackendNamespaceTests {
  /// An actor that is the first process of a namespace with a /proc of its own; returns also its
  /// number on the host.
  private static func inside(_ host: TestHost) throws -> (actor: SocketActor, pid: String) {
    let wrapper = ["unshare", "--pid", "--fork", "--mount-proc"]
    let actor = try host.actor(named: "inside", wrapper: wrapper)
    #expect(try actor.pid() == 1)
    let listener = try actor.listen()
    try actor.connect(to: listener)
    try actor.accept(listener)
    let pid = try host.shell("pgrep -x inside")
    return (actor, pid.trimmingCharacters(in: .whitespacesAndNewlines))
  }

  private static func expectInside(_ page: MetricPage) {
    expectGroup("inside", page, ["tcp": 3], states: ["listen": 1, "established": 2])
    expectNoGroup("outside", page)
    #expect(page.unreadable == 0)
    #expect(page.value("socket_pid_socket_fds", ["pid": "1", "process": "inside"]) == 3)
  }

  @Test("in one of its own it sees those in it, by their numbers there")
  func nested() async throws {
    try await TestHost.run { host in
      _ = try host.actor(named: "outside").socket(.udp4)
      let (actor, pid) = try Self.inside(host)
      let child = try actor.fork()
      try child.name("second")
      _ = try child.socket(.udp4)
      let page = try host.sample(wrapper: [
        "nsenter", "--pid=/proc/\(pid)/ns/pid", "--mount=/proc/\(pid)/ns/mnt",
      ])
      #expect(page.attribution == "bpf+sock_diag")
      expectGroup("inside", page, ["tcp": 3], states: ["listen": 1, "established": 2], shared: 3)
      expectGroup(
        "second", page, ["tcp": 3, "unbound": 1], states: ["listen": 1, "established": 2],
        shared: 3)
      expectNoGroup("outside", page)
      #expect(page.value("socket_pid_socket_fds", ["pid": "1", "process": "inside"]) == 3)
      #expect(
        page.value("socket_pid_socket_fds", ["pid": "\(try child.pid())", "process": "second"]) == 4
      )

      // From outside the same processes have other numbers.
      let outer = try host.sample()
      #expect(outer.value("socket_pid_socket_fds", ["pid": pid, "process": "inside"]) == 3)
      expectGroup("outside", outer, ["unbound": 1])
    }
  }

  @Test("the /proc of another one is read, for the kernel would speak of other processes")
  func otherProc() async throws {
    try await TestHost.run { host in
      let outside = try host.actor(named: "outside")
      _ = try outside.socket(.udp4)
      let (_, pid) = try Self.inside(host)
      let flags = ["--path.procfs", "/proc/\(pid)/root/proc"]
      let deeper = try host.runExporter(["metrics"] + flags)
      let page = try MetricPage(deeper.output)
      #expect(page.attribution == "procfs+sock_diag")
      Self.expectInside(page)
      #expect(deeper.errors.contains("the proc filesystem shows another process namespace"))
      let impossible = try host.runExporter(["metrics", "--backend=bpf"] + flags)
      #expect(impossible.exit == .code(64))
      #expect(impossible.errors.contains("another process namespace"), "\(impossible.errors)")

      // From within, but with the host's /proc.
      let outer = try host.sample(wrapper: ["nsenter", "--pid=/proc/\(pid)/ns/pid"])
      #expect(outer.attribution == "procfs+sock_diag")
      expectGroup("outside", outer, ["unbound": 1])
      expectGroup("inside", outer, ["tcp": 3], states: ["listen": 1, "established": 2])
      #expect(
        outer.value(
          "socket_pid_socket_fds", ["pid": "\(try outside.pid())", "process": "outside"]) == 1)
    }
  }
}
