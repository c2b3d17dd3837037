import TestSupport
import Testing

/// The unit, made a little stricter than it may be.
private struct Stricter: CustomTestStringConvertible, Sendable {
  let backend: String
  let dropIns: [String]
  let change: String
  let apply: @Sendable (SystemdUnit) -> SystemdUnit

  var testDescription: String { "\(backend)\(dropIns): \(change)" }

  static func capability(_ name: String, _ backend: String, _ dropIns: String...) -> Stricter {
    Stricter(backend: backend, dropIns: dropIns, change: "without \(name)") {
      $0.removing(name, from: "AmbientCapabilities", "CapabilityBoundingSet")
    }
  }

  static func call(_ name: String, _ backend: String) -> Stricter {
    Stricter(backend: backend, dropIns: [], change: "without \(name)") {
      $0.adding("SystemCallFilter", "~\(name)")
    }
  }

  static func family(_ name: String, _ backend: String) -> Stricter {
    Stricter(backend: backend, dropIns: [], change: "without \(name)") {
      $0.removing(name, from: "RestrictAddressFamilies")
    }
  }

  static let all = [
    capability("CAP_BPF", "bpf"), capability("CAP_PERFMON", "bpf"),
    capability("CAP_BPF", "bpf", "only-bpf.conf"),
    capability("CAP_PERFMON", "bpf", "only-bpf.conf"),
    call("bpf", "bpf"), call("read", "bpf"), family("AF_NETLINK", "bpf"),
    capability("CAP_DAC_READ_SEARCH", "procfs"), capability("CAP_SYS_PTRACE", "procfs"),
    capability("CAP_DAC_READ_SEARCH", "procfs", "only-procfs.conf"),
    capability("CAP_SYS_PTRACE", "procfs", "only-procfs.conf"),
    call("readlinkat", "procfs"), call("getdents64", "procfs"), call("sendto", "procfs"),
    family("AF_NETLINK", "procfs"),
  ]
}

@Suite(
  "Under the filters of the systemd unit", .onTestHost,
  .enabled(if: SystemdUnit.isAvailable, SystemdUnit.unavailability),
  .enabled(if: SystemdUnit.canBeImitated, "needs python3-seccomp"), .hangLimit)
struct ConfinementTests {
  /// Processes of three users, a leak, a listener with a full queue, zombies, sockets that are shared and
  /// of all kinds, and one that hides from its own user. Returns what must live on.
  private static func populate(_ host: TestHost) throws -> [SocketActor] {
    let server = try host.actor(named: "server")
    let client = try host.actor(named: "client")
    for address in ["127.0.0.1", "::1"] {
      let listener = try server.listen(address)
      for _ in 0..<3 { try client.connect(to: listener, of: server) }
      try client.shutdown(client.connect(to: listener, of: server).own)
      try client.connect(to: listener)
    }
    let child = try client.fork()
    try child.name("child")
    try client.become(user: Exporter.Privileges.user + 1)

    let mixed = try host.actor(named: "mixed")
    _ = try mixed.socket(.udp4)
    _ = try mixed.unixPair()
    try mixed.become(user: Exporter.Privileges.user + 2)

    let hidden = try host.actor(named: "hidden")
    _ = try hidden.socket(.udp4)
    try hidden.become(user: Exporter.Privileges.user)
    try hidden.hideDescriptors()

    let careless = try host.actor(named: "careless")
    try careless.bearChildren(3, .byDefault)
    return [server, client, child, mixed, hidden, careless]
  }

  /// What one backend says under a unit, and what it says to root without any: nothing is the same.
  private static func differences(
    _ host: TestHost, _ unit: SystemdUnit, backend: String
  ) throws -> String {
    let flags = ["metrics", "--backend", backend]
    let program = try host.accessibleExporter()
    var found = ""
    // What happened just before may still go on in the kernel.
    for _ in 0..<3 {
      let root = try host.run([Exporter.path] + flags)
      guard root.exit == .code(0) else { throw TestFailure("as root: \(root.errors)") }
      let confined = try host.run(host.confinement(unit) + [program] + flags)
      guard confined.exit == .code(0) else { return "\(confined.exit): \(confined.errors)" }
      let pages = try [root, confined].map { try MetricPage($0.output) }
      var rows = BackendComparison.differences(pages[0], pages[1])
      for name in ["socket_exporter_backend_info", "socket_exporter_collector_success"]
      where pages[0].samples(name) != pages[1].samples(name) {
        rows.append("\(pages[1].samples(name))")
      }
      #expect(pages[0].value("socket_processes_unreadable") == 0)
      #expect(pages[0].value("socket_zombie_processes") == 3)
      #expect(
        pages[0].rows("socket_process_tcp_sockets", by: "state", of: "server")["close_wait"] == 2)
      found = rows.joined(separator: "\n")
      if found.isEmpty { break }
    }
    return found
  }

  @Test(
    "either backend says what it says to root",
    arguments: [
      ("bpf", []), ("procfs", []), ("bpf", ["only-bpf.conf"]), ("procfs", ["only-procfs.conf"]),
      ("bpf", ["socket-activation/socket-activation.conf"]),
      ("procfs", ["socket-activation/socket-activation.conf"]),
    ])
  func sameNumbers(backend: String, dropIns: [String]) async throws {
    try await TestHost.run { host in
      let actors = try Self.populate(host)
      defer { withExtendedLifetime(actors) {} }
      let unit = try SystemdUnit(dropIns)
      #expect(try Self.differences(host, unit, backend: backend) == "")
    }
  }

  @Test(
    "and nothing of it is there for nothing: what is taken away is missed", arguments: Stricter.all)
  private func isMissed(_ stricter: Stricter) async throws {
    try await TestHost.run { host in
      let actors = try Self.populate(host)
      defer { withExtendedLifetime(actors) {} }
      let unit = stricter.apply(try SystemdUnit(stricter.dropIns))
      #expect(try Self.differences(host, unit, backend: stricter.backend) != "")
    }
  }

  /// Fails only where the family is refused: the capability is missing, too.
  private static let packetSocket = """
    import errno, socket, sys
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    except OSError as error:
        sys.exit(error.errno == errno.EAFNOSUPPORT)
    """

  @Test(
    "the filters are in force",
    arguments: [
      ["chmod", "4755", "."], ["unshare", "--user", "true"], ["unshare", "--net", "true"],
      ["setarch", "--addr-no-randomize", "true"], ["chrt", "--idle", "0", "true"],
      ["chown", "0", "."],
      ["mount", "-t", "tmpfs", "none", "/mnt"],
      ["/usr/bin/python3", "-c", Self.packetSocket],
      [
        "/usr/bin/python3", "-c",
        "import mmap; mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)",
      ],
      ["sh", "-c", "test $(ulimit -n) -ne 1024"],
    ])
  func areInForce(command: [String]) async throws {
    try await TestHost.run { host in
      // It succeeds without them, so that a misspelt command does not count as refused. Many a machine
      // has the unit's limit of descriptors, too.
      let script = "ulimit -n 512; cd \"$0\" && exec \"$@\""
      let free = try host.run(["sh", "-c", script, host.directory] + command)
      #expect(free.exit == .code(0), "\(free.errors)")
      let refused = try host.run(host.confinement(SystemdUnit()) + command)
      #expect(refused.exit != .code(0) && refused.exit != .code(127))
    }
  }

  @Test(
    "all network namespaces are read with the drop-in for it, and only with it",
    arguments: [true, false])
  func networkNamespaces(isGranted: Bool) async throws {
    try await TestHost.run { host in
      try host.makeNetworkNamespace(named: "other")
      let inside = try host.actor(named: "inside", wrapper: TestHost.inNetworkNamespace("other"))
      _ = try inside.listen()
      let unnamed = try host.actor(named: "unnamed", wrapper: TestHost.inOwnNetworkNamespace)
      _ = try unnamed.listen()
      try unnamed.become(user: Exporter.Privileges.user + 1)
      let unit = try SystemdUnit(isGranted ? ["netns-all.conf"] : [])
      let program = try host.accessibleExporter()
      for backend in ["bpf", "procfs"] {
        let outcome = try host.run(
          host.confinement(unit) + [program, "metrics", "--netns=all", "--backend", backend])
        #expect(outcome.exit == .code(0), "\(outcome.errors)")
        let page = try MetricPage(outcome.output)
        let read = page.value("socket_exporter_network_namespaces", ["result": "read"])
        #expect(read == (isGranted ? 2 : 0), "\(outcome.errors)")
        #expect(page.value("socket_processes_unreadable") == 0)
        // Which process listens BPF tells in any case; the table of the namespace it takes to enter it.
        #expect(
          page.rows("socket_tcp_sockets", by: "state", ["netns": "other", "family": "ipv4"])[
            "listen"]
            == (isGranted ? 1 : nil))
      }
    }
  }
}
