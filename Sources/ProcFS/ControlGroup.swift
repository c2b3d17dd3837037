package import LinuxIO

/// What a process's control groups tell of it, from `/proc/<pid>/cgroup` (cgroups(7),
/// proc_pid_cgroup(5); `kernel/cgroup/cgroup.c`): the systemd unit and the container it belongs to.
///
/// The file has a line for each hierarchy, `hierarchy:controllers:path`: with version 2 one alone,
/// `0::/path`; with version 1 one for each controller; the hybrid has both. systemd keeps its units in
/// `name=systemd` where that is there, else in version 2's. Paths are seen from the reader's own cgroup
/// namespace: an exporter in a container of its own sees less of them.
package struct ControlGroup: Sendable, Hashable {
  /// The innermost systemd unit: a service, scope, socket, mount or swap, else a slice; its name
  /// without systemd's escapes (`\x2d` is `-`). Of a user's own units this is the user's, of a systemd
  /// in a container the container's. Nil where systemd does not manage the process.
  package let unit: String?

  /// The innermost container, by the names that Docker, containerd, Kubernetes, CRI-O, Podman, LXC and
  /// systemd-nspawn give: its id of 64 hexadecimal digits, or of LXC and systemd-nspawn its name. Nil
  /// for a process of the host.
  ///
  /// The processes that watch a container from outside are not in it, though their group bears its
  /// id: conmon (`crio-conmon-`, `libpod-conmon-`), `lxc.monitor` and the `supervisor` of
  /// systemd-nspawn. Nor is a virtual machine of libvirt a container.
  package let containerID: String?

  /// As tools show the container: the first 12 digits of an id, a name as it is. Names are not cut,
  /// for those of two containers can begin alike.
  package var shortContainerID: String? {
    guard let containerID, containerID.utf8.count == Self.idLength,
      containerID.utf8.allSatisfy(\.isLowercaseHexadecimal)
    else {
      return self.containerID
    }
    return String(containerID.prefix(12))
  }

  /// An empty file, as of a kernel that mounts no control groups, is of no unit and no container.
  /// - Throws: `ParseError` where a line is malformed.
  package init(parsing bytes: Span<UInt8>) throws(ParseError) {
    var unit: String?
    var container: String?
    // Of the hierarchies that tell something the first of this order is believed.
    var unitRank = Rank.other
    var containerRank: Rank?
    try bytes.forEachLine { (line, number) throws(ParseError) in
      var position = 0
      guard let hierarchy = line.decimal(at: &position), line.skip(":", at: &position) else {
        throw ParseError(file: "cgroup", line: number, field: "hierarchy")
      }
      guard let colon = line.firstIndex(of: UInt8(ascii: ":"), from: position) else {
        throw ParseError(file: "cgroup", line: number, field: "controllers")
      }
      guard colon + 1 < line.count, line[colon + 1] == UInt8(ascii: "/") else {
        throw ParseError(file: "cgroup", line: number, field: "path")
      }
      let rank: Rank =
        if line.skip("name=systemd", at: &position), position == colon {
          .systemd
        } else if hierarchy == 0, position == colon {
          .unified
        } else {
          .other
        }
      var end = line.count
      // The group of a zombie may be gone.
      if line.ends(with: " (deleted)") { end -= " (deleted)".utf8.count }
      let path = line.extracting(colon + 1..<end)
      if rank < unitRank {
        unitRank = rank
        unit = Self.unit(of: path)
      }
      if containerRank.map({ rank < $0 }) ?? true, let id = Self.container(of: path) {
        containerRank = rank
        container = id
      }
    }
    self.unit = unit
    containerID = container
  }

  private enum Rank: Int, Comparable {
    case systemd, unified, other

    static func < (left: Rank, right: Rank) -> Bool { left.rawValue < right.rawValue }
  }

  // MARK: Units

  private static func unit(of path: Span<UInt8>) -> String? {
    var slice: String?
    var end = path.count
    while let slash = path.lastSlash(before: end) {
      var start = slash + 1
      // systemd puts an underscore before a name that the kernel would take for a file of its own.
      if start < end, path[start] == UInt8(ascii: "_") { start += 1 }
      let name = path.extracting(start..<end)
      if isUnitName(name) {
        if unitTypes.contains(where: { name.ends(with: $0) }) { return unescaped(name) }
        if slice == nil, name.ends(with: ".slice") { slice = unescaped(name) }
      }
      end = slash
    }
    return slice
  }

  private static let unitTypes: [StaticString] = [
    ".service", ".scope", ".socket", ".mount", ".swap",
  ]

  /// Whether systemd.unit(5) allows such a name; whose type is checked elsewhere.
  private static func isUnitName(_ name: Span<UInt8>) -> Bool {
    guard name.count < 256 else { return false }
    for index in 0..<name.count {
      switch name[index] {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: ":"), UInt8(ascii: "-"),
        UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "\\"), UInt8(ascii: "@"):
        continue
      default:
        return false
      }
    }
    return true
  }

  /// The text with each `\x2d` replaced by the byte it stands for (systemd-escape(1)).
  private static func unescaped(_ name: Span<UInt8>) -> String {
    guard name.firstIndex(of: UInt8(ascii: "\\")) != nil else { return name.text }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(name.count)
    var position = 0
    while position < name.count {
      var next = position
      if name.skip("\\x", at: &next), name.count - next >= 2 {
        var end = 0
        let digits = name.extracting(next..<next + 2)
        if let value = digits.hexadecimal(at: &end), end == 2 {
          bytes.append(UInt8(truncatingIfNeeded: value))
          position = next + 2
          continue
        }
      }
      bytes.append(name[position])
      position += 1
    }
    return bytes.span.text
  }

  // MARK: Containers

  private static let idLength = 64

  private static func container(of path: Span<UInt8>) -> String? {
    var end = path.count
    // Whether the component inside of this one is where systemd-nspawn itself runs.
    var supervised = false
    while let slash = path.lastSlash(before: end) {
      let component = path.extracting(slash + 1..<end)
      let parentStart = path.lastSlash(before: slash).map { $0 + 1 } ?? slash
      let parent = path.extracting(parentStart..<slash)
      if let id = hexadecimalID(component, below: parent) { return id }
      if let name = lxcName(component, below: parent) { return name }
      if !supervised, let name = machineName(component) { return name }
      supervised = component.isEqual(to: "supervisor")
      end = slash
    }
    return nil
  }

  /// The id in `<id>`, `docker-<id>.scope`, `kubepods-pod7.slice:cri-containerd:<id>` and the like.
  private static func hexadecimalID(
    _ component: Span<UInt8>, below parent: Span<UInt8>
  ) -> String? {
    let isScope = component.ends(with: ".scope")
    let end = component.count - (isScope ? ".scope".utf8.count : 0)
    let start = end - idLength
    guard start >= 0 else { return nil }
    for index in start..<end where !component[index].isLowercaseHexadecimal { return nil }
    if start > 0 {
      guard component[start - 1] == UInt8(ascii: "-") || component[start - 1] == UInt8(ascii: ":"),
        !component.extracting(0..<start).ends(with: "conmon-")
      else {
        return nil
      }
    } else if parent.isEqual(to: "libpod_parent") {
      // A pod of Podman's, with its containers below it.
      return nil
    }
    return component.extracting(start..<end).text
  }

  /// The name in `lxc.payload.<name>` and, of older versions, `lxc.payload/<name>` and `lxc/<name>`.
  private static func lxcName(_ component: Span<UInt8>, below parent: Span<UInt8>) -> String? {
    var position = 0
    if component.skip("lxc.payload.", at: &position) {
      return position < component.count ? component.extracting(position...).text : nil
    }
    guard parent.isEqual(to: "lxc") || parent.isEqual(to: "lxc.payload"), !component.isEmpty else {
      return nil
    }
    return component.text
  }

  /// The name in `machine-<name>.scope` and `systemd-nspawn@<name>.service`.
  private static func machineName(_ component: Span<UInt8>) -> String? {
    var start = 0
    let end: Int
    if component.ends(with: ".scope"), component.skip("machine-", at: &start) {
      end = component.count - ".scope".utf8.count
    } else if component.ends(with: ".service"), component.skip("systemd-nspawn@", at: &start) {
      end = component.count - ".service".utf8.count
    } else {
      return nil
    }
    guard start < end else { return nil }
    let name = unescaped(component.extracting(start..<end))
    return name.hasPrefix("qemu-") ? nil : name
  }
}

extension Span where Element == UInt8 {
  fileprivate func lastSlash(before end: Int) -> Int? {
    extracting(0..<end).lastIndex(of: UInt8(ascii: "/"))
  }

  /// Whether `suffix` stands at the end, and something before it.
  fileprivate func ends(with suffix: StaticString) -> Bool {
    var position = count - suffix.utf8CodeUnitCount
    return position > 0 && skip(suffix, at: &position)
  }

  fileprivate func isEqual(to text: StaticString) -> Bool {
    var position = 0
    return count == text.utf8CodeUnitCount && skip(text, at: &position)
  }
}

extension UInt8 {
  fileprivate var isLowercaseHexadecimal: Bool {
    UInt8(ascii: "0")...UInt8(ascii: "9") ~= self || UInt8(ascii: "a")...UInt8(ascii: "f") ~= self
  }
}
