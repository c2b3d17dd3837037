internal import Glibc
internal import LinuxIO
internal import ProcFS

/// Which network namespaces to read.
package enum NamespaceScope: String, CaseIterable, Sendable {
  /// The exporter's own.
  case own
  /// Every one that a process lives in or that has a name.
  case all
}

/// The network namespaces of the host: how they are called, and how to enter them.
struct NetworkNamespaces: ~Copyable {
  /// A namespace other than the exporter's.
  struct Foreign {
    var inode: UInt64
    /// The value of the `netns` label; no two namespaces have the same.
    var name: String
    /// Paths that lead to it: a name below /run/netns, or the links of some of its processes.
    fileprivate var paths: [String]
  }

  /// The exporter's own; nil where it cannot be read.
  private let own: FileIdentity?
  /// All others that were found last, ordered by name.
  private(set) var others: [Foreign] = []
  /// The thread is in another namespace and could not return.
  private var isAway = false

  private let procfsPath: String
  private let home: Home
  private var entries = DirectoryReader(capacity: 8 << 10)
  /// Container ids by namespace. Each is asked of a process once, and again only when that is there no more:
  /// the kernel gives the number of a namespace out again, often to the next container.
  private var containers: [UInt64: Container] = [:]

  private struct Container {
    /// Who was asked.
    var process: Int32
    /// Nil where that process runs in none.
    var id: String?
  }
  /// Why none can be entered; nil where they can.
  private let confinement: SystemError?

  /// - Parameter leaves: whether other namespaces will be entered.
  init(procfsPath: String, leaves: Bool) {
    self.procfsPath = procfsPath
    home = Home()
    own = home.identity
    // Leaving takes the same permission as coming home, so nobody leaves who could not return.
    confinement = leaves ? home.enter() : nil
  }

  /// The inode of the exporter's own; nil where it cannot be read.
  var ownInode: UInt64? { own?.inode }

  /// The label of a namespace that was found last; nil for the exporter's own.
  func name(of inode: UInt64) -> String? {
    guard inode != ownInode else { return nil }
    return others.first { $0.inode == inode }?.name ?? Self.unnamed(inode)
  }

  private static func unnamed(_ inode: UInt64) -> String { "ns-\(inode)" }

  /// Looks for the namespaces there are.
  /// - Parameter processes: the namespaces that processes live in, each with some of its processes.
  mutating func find(
    _ processes: [UInt64: [Int32]], containerID: (Int32) -> String?
  ) {
    var found: [UInt64: Foreign] = [:]
    for (inode, pids) in processes {
      found[inode] = Foreign(
        inode: inode, name: "", paths: pids.map { "\(procfsPath)/\($0)/ns/net" })
    }
    for (name, path) in namedFiles() {
      // Whatever else lies there is on another filesystem.
      guard let file = try? FileIdentity(of: path), file.device == own?.device else { continue }
      // One namespace may have two names: the first in their order stays.
      if let other = found[file.inode], !other.name.isEmpty, other.name < name { continue }
      found[file.inode] = Foreign(inode: file.inode, name: name, paths: [path])
    }
    if let ownInode { found[ownInode] = nil }
    containers = containers.filter { found[$0.key] != nil }
    for (inode, namespace) in found where namespace.name.isEmpty {
      guard let pids = processes[inode], let pid = pids.first, !isKnown(inode, pids) else {
        continue
      }
      containers[inode] = Container(process: pid, id: containerID(pid))
    }
    others = found.values.sorted { $0.inode < $1.inode }
    // A container may hold namespaces of its own making, and a name may be chosen to look like
    // another one's: whoever comes first is called so.
    var taken: Set<String> = [""]
    for index in others.indices where !taken.insert(others[index].name).inserted {
      let inode = others[index].inode
      let candidates = [containers[inode]?.id ?? "", Self.unnamed(inode), "netns-\(inode)"]
      others[index].name =
        candidates.first { taken.insert($0).inserted } ?? "\(candidates[2])-\(index)"
    }
    others.sort { $0.name < $1.name }
  }

  /// Whether nobody need be asked which container a namespace belongs to.
  private func isKnown(_ inode: UInt64, _ pids: [Int32]) -> Bool {
    guard let container = containers[inode] else { return false }
    if container.process == pids.first { return true }
    // Others that enter it later do not change whose it is.
    guard container.id != nil else { return false }
    let link = "\(procfsPath)/\(container.process)/ns/net"
    return pids.contains(container.process) || (try? FileIdentity(of: link))?.inode == inode
  }

  /// The names that ip-netns(8) gave, the exporter's view of them first, then that of the host's first
  /// process.
  private mutating func namedFiles() -> [(name: String, path: String)] {
    let own = namedFiles(in: "/run/netns")
    return own.isEmpty ? namedFiles(in: procfsPath + "/1/root/run/netns") : own
  }

  /// None where the directory is not there, or not to be read.
  private mutating func namedFiles(in directory: String) -> [(name: String, path: String)] {
    var files: [(name: String, path: String)] = []
    do throws(SystemError) {
      let open = try FileDescriptor.open(directory, directory: true)
      for name in try entries.names(in: open, name: directory) {
        files.append((name, directory + "/" + name))
      }
    } catch {
      return []
    }
    return files
  }

  /// Why a namespace was not entered.
  enum Refusal: Error, CustomStringConvertible {
    /// It is no more.
    case vanished
    case denied(SystemError)

    var description: String {
      switch self {
      case .vanished: "it is no more"
      case .denied(let error): "\(error)"
      }
    }
  }

  /// The sampler's thread entered another namespace and cannot come back.
  struct CannotReturn: Error, CustomStringConvertible {
    var description: String { "setns: cannot return to the exporter's network namespace" }
  }

  /// Why no namespace can be entered; nil where they can.
  var refusal: SystemError? { confinement }

  /// Calls `body` with the calling thread in another namespace, and brings the thread home again.
  mutating func inside(_ namespace: Foreign, _ body: () -> Void) throws(Refusal) {
    if let confinement { throw .denied(confinement) }
    try enter(namespace)
    isAway = true
    body()
    returnHome()
  }

  private func enter(_ namespace: Foreign) throws(Refusal) {
    for path in namespace.paths {
      do throws(SystemError) {
        let entrance = try FileDescriptor.open(path)
        // The process may have ended and its id be another one's, or it may have moved.
        guard try entrance.identity().inode == namespace.inode else { continue }
        return try ThreadNamespace.enter(entrance)
      } catch {
        guard error.isGone else { throw .denied(error) }
      }
    }
    throw .vanished
  }

  /// Brings the thread back to the exporter's own namespace, should it be in another one.
  /// - Returns: whether it is there.
  @discardableResult
  mutating func returnHome() -> Bool {
    if isAway { isAway = home.enter() != nil }
    return !isAway
  }
}

/// The namespace that the exporter was started in.
private enum Home: ~Copyable {
  case open(FileDescriptor)
  case unreadable(SystemError)

  init() {
    do throws(SystemError) {
      self = .open(try FileDescriptor.open("/proc/thread-self/ns/net"))
    } catch {
      self = .unreadable(error)
    }
  }

  var identity: FileIdentity? {
    switch self {
    case .open(let namespace): try? namespace.identity()
    case .unreadable: nil
    }
  }

  /// Moves the calling thread there; tells why it could not.
  borrowing func enter() -> SystemError? {
    do throws(SystemError) {
      switch self {
      case .open(let namespace): try ThreadNamespace.enter(namespace)
      case .unreadable(let error): return error
      }
      return nil
    } catch {
      return error
    }
  }
}
