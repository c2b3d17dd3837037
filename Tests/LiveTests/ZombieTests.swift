import TestSupport
import Testing

@Suite("Zombies", .onTestHost, .hangLimit)
struct ZombieTests {
  private static func children(
    _ page: MetricPage, of parent: String, _ disposition: String
  ) -> Double? {
    page.value("socket_zombie_children", ["parent": parent, "sigchld": disposition])
  }

  @Test("a host without zombies says so, and counts its processes beside the limit")
  func none() async throws {
    try await TestHost.run { host in
      _ = try host.actor(named: "actor")
      let page = try host.sample()
      #expect(page.value("socket_zombie_processes") == 0)
      #expect(page.samples("socket_zombie_children").isEmpty)
      // Process 1, the actor and the exporter.
      #expect(page.value("socket_processes") == 3)
      let limit = try host.run(["cat", "/proc/sys/kernel/pid_max"]).text
      #expect(page.value("socket_processes_limit").map { "\(Int($0))\n" } == limit)
    }
  }

  @Test("a parent that never waits: each child that exits is a zombie")
  func neverWaits() async throws {
    try await TestHost.run { host in
      let parent = try host.actor(named: "careless")
      #expect(try parent.bearChildren(5, .byDefault) == 0)

      let page = try host.sample()
      #expect(page.value("socket_zombie_processes") == 5)
      #expect(Self.children(page, of: "careless", "default") == 5)
      #expect(page.sum("socket_zombie_children") == 5)
      #expect(page.value("socket_processes") == 8)
      // They hold nothing and do not live.
      #expect(page.instances(of: "careless") == 1)
      #expect(page.value("socket_processes_unreadable") == 0)

      #expect(try parent.reap() == 5)
      let reaped = try host.sample()
      #expect(reaped.value("socket_zombie_processes") == 0)
      #expect(reaped.value("socket_processes") == 3)
    }
  }

  @Test("a handler that calls wait() once: the signals merge, and the rest are zombies")
  func waitsOnce() async throws {
    try await TestHost.run { host in
      let parent = try host.actor(named: "hasty")
      #expect(try parent.bearChildren(5, .waitsOnce) == 1)

      let page = try host.sample()
      #expect(page.value("socket_zombie_processes") == 4)
      #expect(Self.children(page, of: "hasty", "caught") == 4)
      #expect(page.sum("socket_zombie_children") == 4)
    }
  }

  @Test("a handler that waits until no child is left: no zombies")
  func waitsForAll() async throws {
    try await TestHost.run { host in
      let parent = try host.actor(named: "diligent")
      #expect(try parent.bearChildren(5, .waitsForAll) == 5)

      let page = try host.sample()
      #expect(page.value("socket_zombie_processes") == 0)
      #expect(page.sum("socket_zombie_children") == 0)
    }
  }

  @Test("a parent that ignores SIGCHLD: the kernel reaps, except who died before")
  func ignores() async throws {
    try await TestHost.run { host in
      let parent = try host.actor(named: "deaf")
      try parent.bearChildren(5, .ignored)
      #expect(try host.sample().value("socket_zombie_processes") == 0)

      try parent.bearChildren(3, .byDefault)
      try parent.bearChildren(0, .ignored)
      let page = try host.sample()
      #expect(page.value("socket_zombie_processes") == 3)
      #expect(Self.children(page, of: "deaf", "ignored") == 3)
    }
  }

  @Test("parents of one name and one habit are one row, different habits are two")
  func groups() async throws {
    try await TestHost.run { host in
      let first = try host.actor(named: "forker")
      let second = try host.actor(named: "forker")
      let third = try host.actor(named: "forker")
      try first.bearChildren(2, .byDefault)
      try second.bearChildren(3, .byDefault)
      try third.bearChildren(5, .waitsOnce)

      let page = try host.sample()
      #expect(page.value("socket_zombie_processes") == 9)
      #expect(Self.children(page, of: "forker", "default") == 5)
      #expect(Self.children(page, of: "forker", "caught") == 4)
    }
  }

  @Test("a zombie whose parent is out of sight, as where a container was entered from outside")
  func parentOutOfSight() async throws {
    try await TestHost.run { host in
      try host.actor(named: "entered").exitUnreaped()
      let page = try host.sample { $0.value("socket_zombie_processes") == 1 }
      #expect(page.value("socket_zombie_processes") == 1)
      #expect(page.sum("socket_zombie_children") == 1)
      #expect(page.sum("socket_zombie_children", ["sigchld": "unknown"]) == 1)
      #expect(page.instances(of: "entered") == nil)
    }
  }

  @Test("the parent is killed: its zombies are adopted and reaped")
  func parentKilled() async throws {
    try await TestHost.run { host in
      let parent = try host.actor(named: "careless")
      try parent.bearChildren(5, .byDefault)
      #expect(try host.sample().value("socket_zombie_processes") == 5)

      parent.kill()
      let page = try host.sample { $0.value("socket_zombie_processes") == 0 }
      #expect(page.value("socket_zombie_processes") == 0)
      #expect(page.samples("socket_zombie_children").isEmpty)
      #expect(page.value("socket_processes") == 2)
    }
  }

  private static func oldest(_ page: MetricPage, of parent: String) -> Double? {
    page.value("socket_zombie_oldest_seconds", ["parent": parent])
  }

  @Test("the oldest zombie of each parent grows older, from when it was first seen until reaped")
  func age() async throws {
    try await TestHost.run { host in
      let first = try host.actor(named: "first")
      let second = try host.actor(named: "second")
      let exporter = try host.serve("--collect.interval=100ms")
      let none = try host.page(of: exporter) { _ in true }
      #expect(none.samples("socket_zombie_oldest_seconds").isEmpty)

      let begin = ContinuousClock.now
      try first.bearChildren(2, .byDefault)
      let aged = try host.page(of: exporter) { Self.oldest($0, of: "first") ?? 0 >= 1 }
      let age = try #require(Self.oldest(aged, of: "first"))
      #expect(age >= 1 && age <= begin.duration(to: .now) / .seconds(1))

      let later = ContinuousClock.now
      try second.bearChildren(1, .waitsOnce)
      try second.bearChildren(3, .byDefault)
      let both = try host.page(of: exporter) { Self.oldest($0, of: "second") != nil }
      #expect(
        try #require(Self.oldest(both, of: "second")) <= later.duration(to: .now) / .seconds(1))
      #expect(try #require(Self.oldest(both, of: "first")) > age)

      try first.reap()
      let reaped = try host.page(of: exporter) { Self.oldest($0, of: "first") == nil }
      #expect(Self.oldest(reaped, of: "first") == nil)
      #expect(Self.oldest(reaped, of: "second") != nil)
    }
  }

  @Test("a zombie seen for the first time is as old as nothing")
  func firstSeen() async throws {
    try await TestHost.run { host in
      try host.actor(named: "careless").bearChildren(3, .byDefault)
      #expect(Self.oldest(try host.sample(), of: "careless") == 0)
    }
  }

  @Test("a process id that is given out again inherits no age")
  func reusedProcessID() async throws {
    try await TestHost.run { host in
      let exporter = try host.serve("--collect.interval=100ms")
      let parent = try host.actor(named: "careless")
      let pid = try parent.pid()
      try parent.bearChildren(1, .byDefault)
      _ = try host.page(of: exporter) { Self.oldest($0, of: "careless") ?? 0 >= 1 }
      func child() throws -> Int? {
        Int(try host.shell("pgrep -P $1", "\(pid)").filter(\.isNumber))
      }
      let number = try #require(try child())
      try parent.reap()
      // The kernel gives out the next number; where it lets nobody say, there is nothing to test. A
      // thread that the exporter starts at that moment takes a number, too.
      guard try host.nextProcessID(is: number) else { return }
      var begin = ContinuousClock.now
      try eventually("the number is given out again") { () -> Bool? in
        _ = try host.nextProcessID(is: number)
        begin = ContinuousClock.now
        try parent.bearChildren(1, .byDefault)
        if try child() == number { return true }
        try parent.reap()
        return nil
      }
      let page = try host.page(of: exporter) { page in
        Self.oldest(page, of: "careless").map { $0 < 1 } ?? false
      }
      #expect(
        try #require(Self.oldest(page, of: "careless")) <= begin.duration(to: .now) / .seconds(1))
    }
  }
}
