internal import Glibc
internal import LinuxIO
internal import ProcFS
internal import SockDiag
internal import SocketModel

/// Everything that is read of the host, one function a source. Each throws on its own.
final class HostSources {
  private var procfs: ProcFileSystem
  private var walker = ProcessWalker()
  private var tcpDump = TCPSocketDump()
  private let pageBytes = UInt64(sysconf(Int32(_SC_PAGESIZE)))

  /// - Throws: `SystemError` where the proc filesystem cannot be opened.
  init(procfsPath: String) throws(SystemError) {
    procfs = try ProcFileSystem(path: procfsPath)
  }

  /// Walks over all processes; see `ProcessWalker`.
  func walk(readsDescriptors: Bool) throws -> ProcessWalk {
    try walker.walk(&procfs, readsDescriptors: readsDescriptors)
  }

  /// Both address families; see `NetSockstat`.
  func sockstat() throws -> Sockstat {
    var sockstat = Sockstat()
    let pageBytes = pageBytes
    let file = "net/sockstat"
    try procfs.read(file) { bytes in
      try NetSockstat.parse(bytes, file: file, pageBytes: pageBytes, into: &sockstat)
    }
    // A kernel without IPv6 has no such file.
    let file6 = "net/sockstat6"
    _ = try procfs.readIfPresent(file6) { bytes in
      try NetSockstat.parse(bytes, file: file6, pageBytes: pageBytes, into: &sockstat)
    }
    return sockstat
  }

  /// TCP sockets of the exporter's network namespace, and how they were counted.
  struct TCPAnswer {
    var counts: TCPSocketCounts
    var backend: Backend
    /// Why sock_diag was not used; nil where it was.
    var refusal: NetlinkError?
  }

  /// Asks sock_diag, and reads /proc/net instead where the kernel refuses.
  /// - Throws: `NetlinkError` where sock_diag answers but does not come to an end, else what
  ///   reading /proc/net met.
  func tcpSockets() throws -> TCPAnswer {
    do {
      return TCPAnswer(counts: try tcpDump.count(), backend: .procfsAndSockDiag, refusal: nil)
    } catch {
      guard error.isRefusal else { throw error }
      return TCPAnswer(counts: try tcpSocketsInProcFS(), backend: .procfs, refusal: error)
    }
  }

  private func tcpSocketsInProcFS() throws -> TCPSocketCounts {
    var counts = TCPSocketCounts()
    for (file, family) in [("net/tcp", AddressFamily.ipv4), ("net/tcp6", .ipv6)] {
      do {
        try procfs.forEachLine(of: file) { line, number in
          guard
            let socket = try NetTCP.parse(line, number: number, file: file, family: family)
          else { return }
          guard let state = TCPState(kernelNumber: socket.state) else {
            throw ParseError(file: file, line: number, field: "st")
          }
          counts[state, family] += 1
        }
      } catch let error as SystemError where error.isGone && family == .ipv6 {
        // A kernel without IPv6 has no such file, and no such sockets.
        continue
      }
    }
    return counts
  }

  /// Zombies by their parents, for a walk that met them.
  func zombies(in walk: ProcessWalk, maxGroups: Int) throws -> Zombies {
    var zombies = Zombies()
    zombies.processes = walk.processes
    zombies.processLimit = try? procfs.read(KernelSetting.processLimit) { bytes in
      try KernelSetting.parse(bytes, file: KernelSetting.processLimit)
    }
    guard walk.ofUnknownState == 0 else { return zombies }
    zombies.total = walk.zombiesByParent.values.reduce(0, +)
    var counts: [Zombies.Parent: UInt64] = [:]
    for (parent, count) in walk.zombiesByParent {
      counts[try describeParent(parent), default: 0] += count
    }
    zombies.children = Zombies.fold(counts, maxGroups: maxGroups)
    return zombies
  }

  /// A parent's group and what it does with SIGCHLD; unknown where it is out of sight or has ended.
  private func describeParent(_ pid: Int32) throws -> Zombies.Parent {
    do {
      let process = try procfs.openProcess(pid)
      let stat = try procfs.read("stat", of: process) { try ProcessStat(parsing: $0) }
      let childSignal = try procfs.read("status", of: process) {
        try ProcessStatus.parseChildSignal($0)
      }
      return Zombies.Parent(name: stat.groupName, childSignal: childSignal)
    } catch let error as SystemError where error.isExhaustion {
      throw error
    } catch {
      return Zombies.Parent(name: Zombies.unknownParent, childSignal: .unknown)
    }
  }
}
