import Foundation
import LinuxIO
import ProcFS
import TestSupport
import Testing

struct ControlGroupTests {
  /// The ids in `Tests/Fixtures/proc/cgroup`: a container, and one that others run in or a pod.
  private static let web = "4b5e57f6eb2f42b9039b3d1e13929295f231749c510cbe341cd68036d9af97e2"
  private static let node = "545ea538461003efdc8c81c244531b003f6f26cfccf6c0073b3239fdedf49446"

  private static let layouts: [(layout: String, unit: String?, container: String?)] = [
    ("host-root-v2", nil, nil),
    ("host-init-v2", "init.scope", nil),
    ("host-service-v2", "nginx.service", nil),
    ("host-service-v1", "nginx.service", nil),
    ("host-service-hybrid", "postgresql@15-main.service", nil),
    ("host-payload-v2", "containerd.service", nil),
    ("host-session-v2", "session-3.scope", nil),
    ("host-session-v1", "session-3.scope", nil),
    ("host-user-manager-v2", "init.scope", nil),
    ("host-user-app-v2", "app-gnome-firefox-4242.scope", nil),
    ("host-user-service-hybrid", "syncthing.service", nil),
    ("host-escaped-v2", "serial-getty@ttyS0.service", nil),
    ("host-mount-v2", "mnt-backup-disk.mount", nil),
    ("host-swap-v2", "dev-disk-by-uuid-3f0c.swap", nil),
    ("host-socket-v2", "cups.socket", nil),
    ("host-slice-v2", "user-1000.slice", nil),
    ("host-underscore-v2", "cpu.monitor.service", nil),
    ("host-deleted-v2", "batch.service", nil),
    ("host-without-systemd-v1", nil, nil),
    ("host-outside-of-namespace-v2", "cron.service", nil),
    ("docker-cgroupfs-v1", nil, "\(web)"),
    ("docker-cgroupfs-v2", nil, "\(web)"),
    ("docker-cgroupfs-hybrid", nil, "\(web)"),
    ("docker-cgroupfs-v1-without-systemd", nil, "\(web)"),
    ("docker-systemd-v1", "docker-\(web).scope", "\(web)"),
    ("docker-systemd-v2", "docker-\(web).scope", "\(web)"),
    ("docker-rootless-v2", "docker-\(web).scope", "\(web)"),
    ("docker-daemon-v2", "docker.service", nil),
    ("docker-with-systemd-inside-v2", "nginx.service", "\(web)"),
    ("docker-in-docker-v1", nil, "\(web)"),
    ("docker-in-docker-v2", "docker-\(node).scope", "\(web)"),
    ("docker-actions-v1", nil, "\(web)"),
    ("containerd-cgroupfs-v1", nil, "\(web)"),
    ("containerd-cgroupfs-v2", nil, "\(web)"),
    ("containerd-systemd-v1", "cri-containerd-\(web).scope", "\(web)"),
    ("containerd-systemd-v2", "cri-containerd-\(web).scope", "\(web)"),
    ("containerd-colon-v1", "containerd.service", "\(web)"),
    ("containerd-colon-v2", nil, "\(web)"),
    ("containerd-k8s.io-v1", nil, "\(web)"),
    ("containerd-namespace-v2", nil, "\(web)"),
    ("containerd-nerdctl-v2", "nerdctl-\(web).scope", "\(web)"),
    ("kubernetes-docker-v1", "docker-\(web).scope", "\(web)"),
    ("kind-v1", nil, "\(web)"),
    ("kind-v2", "cri-containerd-\(web).scope", "\(web)"),
    ("kind-kubelet-v2", "kubelet.service", "\(node)"),
    ("crio-systemd-v1", "crio-\(web).scope", "\(web)"),
    ("crio-systemd-v2", "crio-\(web).scope", "\(web)"),
    ("crio-cgroupfs-v1", nil, "\(web)"),
    ("crio-monitor-v2", "crio-conmon-\(web).scope", nil),
    ("crio-monitor-in-docker-v2", "crio-conmon-\(web).scope", "\(node)"),
    ("podman-systemd-v1", "libpod-\(web).scope", "\(web)"),
    ("podman-systemd-v2", "libpod-\(web).scope", "\(web)"),
    ("podman-rootless-v2", "libpod-\(web).scope", "\(web)"),
    ("podman-rootless-hybrid", "podman.service", "\(web)"),
    ("podman-cgroupfs-v1", nil, "\(web)"),
    ("podman-pod-cgroupfs-v1", nil, "\(web)"),
    ("podman-pod-monitor-cgroupfs-v1", nil, nil),
    ("podman-pod-systemd-v2", "libpod-\(web).scope", "\(web)"),
    ("podman-split-v2", "web.service", "\(web)"),
    ("podman-split-monitor-v2", "web.service", nil),
    ("podman-monitor-v2", "libpod-conmon-\(web).scope", nil),
    ("podman-monitor-cgroupfs-v1", nil, nil),
    ("lxc-v1", nil, "101"),
    ("lxc-nested-init-v1", "init.scope", "101"),
    ("lxc-payload-v2", "nginx.service", "web-1"),
    ("lxc-payload-hybrid", "nginx.service", "web-1"),
    ("lxc-payload-directory-v1", nil, "build"),
    ("lxc-user-v2", "run-u7.scope", "dev"),
    ("lxc-monitor-v2", nil, nil),
    ("lxc-monitor-directory-v1", nil, nil),
    ("docker-in-lxc-v2", "docker-\(web).scope", "\(web)"),
    ("nspawn-scope-v2", "sshd.service", "debian-test"),
    ("nspawn-scope-v1", "machine-debian-test.scope", "debian-test"),
    ("nspawn-service-v2", "systemd-nspawn@debian-test.service", "debian-test"),
    ("nspawn-service-v1", "systemd-nspawn@web.service", "web"),
    ("nspawn-supervisor-v2", "systemd-nspawn@web.service", nil),
    ("libvirt-machine-v2", "machine-qemu-1-windows.scope", nil),
    ("libvirt-lxc-v1", "machine-lxc-4711-shop.scope", "lxc-4711-shop"),
  ]

  private func parse(_ text: String) throws(ParseError) -> ControlGroup {
    let bytes = Array(text.utf8)
    return try ControlGroup(parsing: bytes.span)
  }

  @Test(arguments: layouts)
  func everyLayout(layout: String, unit: String?, container: String?) throws {
    let bytes = try Fixtures.bytes("proc/cgroup/\(layout).txt")
    let group = try ControlGroup(parsing: bytes.span)
    #expect(group.unit == unit)
    #expect(group.containerID == container)
  }

  @Test func everyFixtureIsExpectedToBeSomething() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: Fixtures.path("proc/cgroup"))
      .map { $0.dropLast(".txt".count) }
    #expect(Set(names) == Set(Self.layouts.map { Substring($0.layout) }))
  }

  @Test(arguments: [
    ("0::/docker/\(web)", "4b5e57f6eb2f"),
    // Names are not cut: those of two containers can begin alike.
    ("0::/lxc.payload.customer-database-1", "customer-database-1"),
    ("0::/lxc/4b5e57f6eb2f42b9", "4b5e57f6eb2f42b9"),
    ("0::/", nil),
  ])
  func shortIDs(text: String, short: String?) throws {
    #expect(try parse(text).shortContainerID == short)
  }

  @Test func nothingIsNoError() throws {
    let group = try parse("")
    #expect(group.unit == nil && group.containerID == nil && group.shortContainerID == nil)
  }

  @Test(arguments: [
    // Neither 64 digits nor hexadecimal ones nor after a separator.
    "/docker/\(web.dropLast())", "/docker/\(web)0", "/docker/\(web.dropLast())g",
    "/docker/\(web.uppercased())", "/system.slice/docker\(web).scope", "/docker-\(web).service",
    "/system.slice/\(web)-5f.service", "/kubepods/pod\(web)", "/a_\(web)",
    // The runtime's own groups.
    "/lxc", "/lxc.payload", "/lxc.payload.", "/lxc/", "/docker", "/libpod_parent", "/lxc.pivot",
    "/libpod_parent/\(web)", "/machine.slice/machine-.scope", "/systemd-nspawn@.service",
    "/machine.slice", "/machine-web.slice", "/machine.scope", "//", "/.scope",
  ])
  func noContainer(path: String) throws {
    #expect(try parse("0::\(path)\n").containerID == nil)
  }

  @Test(arguments: [
    "/", "//", "/.service", "/.slice", "/_.service", "/service", "/nginxservice", "/a b.service",
    "/nginx.service~", "/caf\u{e9}.service", "/a/b/c",
    "/" + String(repeating: "a", count: 250)
      + ".service",
  ])
  func noUnit(path: String) throws {
    #expect(try parse("0::\(path)\n").unit == nil)
  }

  @Test func aPathMayHoldColons() throws {
    let group = try parse("1:name=systemd:/a:b/web:1.service:/x\n")
    #expect(group.unit == nil)
    #expect(try parse("1:name=systemd:/a:b/web:1.service/x\n").unit == "web:1.service")
  }

  @Test func theHierarchyOfSystemdTellsTheUnit() throws {
    for text in [
      "0::/b.service\n1:name=systemd:/a.service\n", "1:name=systemd:/a.service\n0::/b.service\n",
    ] {
      #expect(try parse(text).unit == "a.service")
    }
    // Where it is there and tells nothing, the process is in no unit.
    #expect(try parse("1:name=systemd:/\n0::/b.service\n").unit == nil)
    #expect(try parse("5:memory:/b.service\n1:name=system:/a.service\n").unit == nil)
    // Version 2 is hierarchy 0.
    #expect(try parse("3::/b.service\n").unit == nil)
  }

  @Test func anyHierarchyTellsTheContainer() throws {
    let text = "4:memory:/docker/\(Self.node)\n3:pids:/lxc/x\n1:name=systemd:/\n"
    #expect(try parse(text).containerID == Self.node)
    #expect(try parse(text + "0::/docker/\(Self.web)\n").containerID == Self.web)
  }

  @Test(arguments: [
    (#"/a\x2db.service"#, "a-b.service"), (#"/\x2f\x41.service"#, "/A.service"),
    (#"/a\x2.service"#, #"a\x2.service"#), (#"/a\xzz.service"#, #"a\xzz.service"#),
    (#"/a\y2d.service"#, #"a\y2d.service"#), (#"/a\\x2d.service"#, #"a\-.service"#),
    (#"/\xc3\xa9.service"#, "\u{e9}.service"), (#"/\xff\xfe.service"#, "\u{fffd}\u{fffd}.service"),
  ])
  func escapes(path: String, unit: String) throws {
    #expect(try parse("0::\(path)").unit == unit)
  }

  @Test func namesAreAlwaysText() throws {
    let group = try ControlGroup(parsing: (Array("0::/lxc/".utf8) + [0xff, 0xc3, 0x28]).span)
    #expect(group.containerID == "\u{fffd}\u{fffd}(")
    #expect(group.shortContainerID == group.containerID)
  }

  @Test(arguments: [
    ("\n", 1, "hierarchy"), ("x", 1, "hierarchy"), (":", 1, "hierarchy"), ("0", 1, "hierarchy"),
    ("-1::/", 1, "hierarchy"), ("18446744073709551616::/", 1, "hierarchy"),
    ("0:", 1, "controllers"), ("0:memory", 1, "controllers"), ("0:/", 1, "controllers"),
    ("0::", 1, "path"), ("0::x", 1, "path"), ("0:: /", 1, "path"),
    ("1:cpu:/\n2:memory\n", 2, "controllers"), ("1:cpu:/\n\n", 2, "hierarchy"),
  ])
  func malformed(text: String, line: Int, field: String) {
    #expect(throws: ParseError(file: "cgroup", line: line, field: field)) { _ = try parse(text) }
  }

  @Test func aHugePathIsOnlyAPath() throws {
    let deep = String(repeating: "/a.service", count: 20_000)
    #expect(try parse("0::\(deep)").unit == "a.service")
    let long = String(repeating: "a", count: 300_000)
    #expect(try parse("0::/x.slice/\(long)").unit == "x.slice")
    #expect(try parse("0::\(String(repeating: "/", count: 300_000))").unit == nil)
  }

  @Test func thisProcessAsTheKernelTells() throws {
    var procfs = try ProcFileSystem()
    _ = try procfs.readIfPresent("self/cgroup") { bytes throws in try ControlGroup(parsing: bytes) }
  }

  @Test(arguments: layouts.map(\.layout))
  func everyBeginningIsAValueOrAnError(layout: String) throws {
    let bytes = try Fixtures.bytes("proc/cgroup/\(layout).txt")
    forEachBeginning(of: bytes) { beginning in
      switch outcome({ () throws(ParseError) in try ControlGroup(parsing: beginning.span) }) {
      case .success: break
      case .failure(let error):
        #expect(error.line == beginning.filter { $0 == UInt8(ascii: "\n") }.count + 1)
      }
    }
  }

  @Test(arguments: ["containerd-colon-v2", "nspawn-scope-v2", "podman-pod-systemd-v2"])
  func everyMutationIsAValueOrAnError(layout: String) throws {
    forEachMutation(of: try Fixtures.bytes("proc/cgroup/\(layout).txt")) { bytes in
      _ = outcome { () throws(ParseError) in try ControlGroup(parsing: bytes.span) }
    }
  }
}
