import TestSupport
import Testing

@Suite("Uses beside their limits", .onTestHost, .hangLimit)
struct LimitTests {
  private static func ratio(_ page: MetricPage, of process: String) -> Double? {
    page.value("socket_process_fd_limit_ratio", ["process": process])
  }

  @Test(
    "a process that has all the descriptors it may have: the ratio is 1, and the group is named")
  func exhausted() async throws {
    try await TestHost.run { host in
      let greedy = try host.actor(named: "greedy")
      let modest = try host.actor(named: "modest")
      try greedy.limitDescriptors(to: 100)
      try modest.limitDescriptors(to: 400)
      // Its three pipes, and 97 more.
      #expect(try greedy.openAll() == (97, "EMFILE"))
      #expect(throws: TestFailure.self) { try greedy.socket(.tcp4) }
      try modest.openFiles(97)

      let page = try host.sample()
      #expect(Self.ratio(page, of: "greedy") == 1)
      #expect(page.openDescriptors(of: "greedy") == 100)
      #expect(Self.ratio(page, of: "modest") == 0.25)
    }
  }

  @Test("the worst member speaks for its group; lowered limits make more than all")
  func worstMember() async throws {
    try await TestHost.run { host in
      for (limit, files) in [(1000, 7), (40, 17), (100, 17)] {
        let worker = try host.actor(named: "worker")
        try worker.openFiles(files)
        try worker.limitDescriptors(to: limit)
      }
      let lowered = try host.actor(named: "lowered")
      try lowered.openFiles(57)
      try lowered.limitDescriptors(to: 30)
      let page = try host.sample()
      #expect(Self.ratio(page, of: "worker") == 0.5)
      #expect(page.openDescriptors(of: "worker") == 50)
      #expect(Self.ratio(page, of: "lowered") == 2)
      // The cap keeps the worst, too.
      let capped = try host.sample("--process.max-groups=1")
      #expect(capped.samples("socket_process_fd_limit_ratio").map(\.value).max() == 2)
    }
  }

  @Test("the ceilings of the namespace are those that were set")
  func namespace() async throws {
    try await TestHost.run { host in
      try host.set("net.ipv4.tcp_max_tw_buckets", to: "1234")
      try host.set("net.core.somaxconn", to: "77")
      try host.set("net.ipv4.tcp_max_syn_backlog", to: "99")
      let page = try host.sample()
      #expect(page.value("socket_sockstat_tcp_time_wait_limit") == 1234)
      #expect(page.value("socket_listen_backlog_limit") == 77)
      #expect(page.value("socket_syn_backlog_limit") == 99)
      #expect(page.value("socket_exporter_collector_success", ["collector": "limit"]) == 1)
    }
  }

  @Test("what is set below zero bounds nothing: it is absent, and the others are there")
  func negative() async throws {
    try await TestHost.run { host in
      for setting in ["tcp_max_tw_buckets", "tcp_max_syn_backlog"] {
        try host.set("net.ipv4.\(setting)", to: "-1")
      }
      let page = try host.sample()
      #expect(page.value("socket_sockstat_tcp_time_wait_limit") == nil)
      #expect(page.value("socket_syn_backlog_limit") == nil)
      #expect(page.value("socket_listen_backlog_limit") != nil)
      #expect(page.value("socket_exporter_collector_success", ["collector": "limit"]) == 1)
    }
  }

  @Test("open files of the whole host, beside the limit")
  func fileHandles() async throws {
    try await TestHost.run { host in
      // Others on the machine open and close files meanwhile; some tests do thousands at once.
      _ = try eventually("the page says what the kernel says") { () -> Bool? in
        let page = try host.sample()
        let words = try host.shell("cat /proc/sys/fs/file-nr").split(whereSeparator: \.isWhitespace)
        #expect(page.value("socket_file_handles_limit") == Double(words[2]))
        let handles = try #require(page.value("socket_file_handles"))
        let now = try #require(Double(words[0]))
        return handles > 0 && abs(handles - now) < 0.5 * now + 5000 ? true : nil
      }
    }
  }

  @Test("what the kernel does not offer is absent: it keeps some ceilings out of namespaces")
  func absent() async throws {
    try await TestHost.run { host in
      let page = try host.sample()
      let offered = try host.shell("ls /proc/sys/net/ipv4 /proc/sys/net/netfilter || true")
        .split(separator: "\n").map(String.init)
      for (file, name, rows) in [
        ("tcp_mem", "socket_sockstat_memory_limit_bytes", 3),
        ("tcp_max_orphans", "socket_sockstat_tcp_orphans_limit", 1),
        ("nf_conntrack_max", "socket_conntrack_entries_limit", 1),
        ("nf_conntrack_count", "socket_conntrack_entries", 1),
      ] {
        let found = page.samples(name).filter { $0.labels["protocol"] != "udp" }
        #expect(found.count == (offered.contains(file) ? rows : 0), "\(name)")
      }
    }
  }

  @Test("connections the packet filter keeps account of")
  func tracked() async throws {
    try await TestHost.run { host in
      guard
        try host.run(["test", "-e", "/proc/sys/net/netfilter/nf_conntrack_count"]).exit == .code(0)
      else { return }
      try host.shell(
        "nft 'table inet kept { chain in { type filter hook input priority 0; ct state new; }; }'")
      let server = try host.actor(named: "server")
      let client = try host.actor(named: "client")
      let listener = try server.listen()
      for _ in 0..<6 { try client.connect(to: listener, of: server) }
      let page = try host.sample()
      #expect(page.value("socket_conntrack_entries") == 6)
      let limit = try host.shell("cat /proc/sys/net/netfilter/nf_conntrack_max")
      #expect(page.value("socket_conntrack_entries_limit").map { "\(Int($0))\n" } == limit)
    }
  }
}
