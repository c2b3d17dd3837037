import Foundation
import TestSupport
import Testing

/// The service of `deploy/systemd`, with drop-ins, as systemd reads them together.
struct SystemdUnit: Sendable {
  static let unavailability: Comment = "needs systemd-analyze, of the package systemd"
  static let isAvailable = Tools.areInstalled("systemd-analyze")

  static let canBeImitated =
    (try? Tools.run(["/usr/bin/python3", "-c", "import seccomp"])) != nil

  static let directory: String = {
    var root = URL(filePath: #filePath)
    for _ in 0..<3 { root.deleteLastPathComponent() }
    return root.appending(components: "deploy", "systemd").path()
  }()

  /// The settings of the section Service, in their order.
  private(set) var settings: [(key: String, value: String)] = []

  /// - Parameter dropIns: files of the directory; each adds to what was before it.
  init(_ dropIns: [String] = []) throws {
    for name in ["socket-exporter.service"] + dropIns {
      let text = try String(contentsOfFile: Self.directory + "/" + name, encoding: .utf8)
      var section = ""
      for line in text.split(separator: "\n") where !line.hasPrefix("#") {
        // Otherwise this reader would have to know about lines that go on.
        guard !line.hasSuffix("\\") else { throw TestFailure("\(name): \(line)") }
        if line.hasPrefix("[") {
          section = String(line)
        } else if section == "[Service]", let equals = line.firstIndex(of: "=") {
          settings.append((String(line[..<equals]), String(line[line.index(after: equals)...])))
        }
      }
    }
  }

  /// What a setting that may be given several times amounts to: an empty one takes back those before.
  func values(_ key: String) -> [String] {
    let all = settings.filter { $0.key == key }.map(\.value)
    return Array(all[(all.lastIndex(of: "").map { $0 + 1 } ?? 0)...])
  }

  /// The same unit with one more line.
  func adding(_ key: String, _ value: String) -> SystemdUnit {
    var unit = self
    unit.settings.append((key, value))
    return unit
  }

  /// The same unit without this word in the lists of a setting, such as a capability.
  func removing(_ word: String, from keys: String...) -> SystemdUnit {
    var unit = self
    for index in unit.settings.indices where keys.contains(unit.settings[index].key) {
      let words = unit.settings[index].value.split(separator: " ").filter { $0 != word }
      unit.settings[index].value = words.joined(separator: " ")
    }
    return unit
  }

  /// What the test makes of it by itself: filters of system calls, and limits of one process.
  static let filtered: Set = [
    "LimitNOFILE", "LockPersonality", "MemoryDenyWriteExecute", "NoNewPrivileges",
    "RestrictAddressFamilies", "RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID",
    "SystemCallArchitectures", "SystemCallErrorNumber", "SystemCallFilter", "UMask",
  ]

  /// Likewise: by setpriv(1) as a user without a name, and by a mount.
  static let imitated: Set = [
    "AmbientCapabilities", "CapabilityBoundingSet", "DynamicUser", "ProtectProc",
  ]

  /// What takes a running systemd: its mounts, its control groups, how it starts and ends services.
  static let beyond: Set = [
    "CPUQuota", "Environment", "EnvironmentFile", "ExecStart", "KeyringMode",
    "MemoryMax", "MemorySwapMax", "PrivateDevices", "PrivateIPC", "PrivateMounts",
    "PrivateNetwork", "PrivateTmp", "PrivateUsers", "ProcSubset", "ProtectClock",
    "ProtectControlGroups", "ProtectHome", "ProtectHostname", "ProtectKernelLogs",
    "ProtectKernelModules", "ProtectKernelTunables", "ProtectSystem", "RemoveIPC", "Restart",
    "RestartPreventExitStatus", "RestartSec", "TasksMax", "Type", "WatchdogSec",
  ]
}

extension TestHost {
  /// The command to run a program by, as systemd would run it for this unit: with its capabilities, as
  /// another user, under its filters.
  func confinement(_ unit: SystemdUnit) throws -> [String] {
    let sets = ["CapabilityBoundingSet", "AmbientCapabilities"].map { key in
      unit.values(key).flatMap { $0.split(separator: " ") }.map {
        $0.lowercased().replacing("cap_", with: "")
      }
    }
    guard sets[0] == sets[1] else { throw TestFailure("the capabilities differ: \(sets)") }
    let hides = ["invisible": "2", "default": "0"]
    guard let hidepid = unit.values("ProtectProc").last.flatMap({ hides[$0] }) else {
      throw TestFailure("ProtectProc=\(unit.values("ProtectProc"))")
    }
    // Where the program's user may read it.
    let confine = directory + "/confine.py"
    try shell("install -m 644 \"$1\" \"$2\"", Fixtures.path("confine.py"), confine)
    let settings = unit.settings.map(\.key).filter(SystemdUnit.filtered.contains)
    let words = Set(settings).sorted().flatMap { key in unit.values(key).map { "\(key)=\($0)" } }
    return [
      "unshare", "--mount", "sh", "-euc",
      "mount -t proc -o hidepid=\(hidepid) proc /proc; exec \"$@\"", "sh",
    ] + Exporter.Privileges.only(sets[0]).command + ["/usr/bin/python3", confine] + words + ["--"]
  }
}
