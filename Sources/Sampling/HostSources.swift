internal import Glibc
internal import LinuxIO
internal import ProcFS
internal import SockDiag
internal import SocketModel

/// What is read of the host beside its processes, one function a source. Each throws on its own.
///
/// What belongs to a network namespace is read of the one that the calling thread is in.
final class HostSources {
  private var procfs: ProcFileSystem
  private var dump = SocketDump()
  private let pageBytes = UInt64(sysconf(Int32(_SC_PAGESIZE)))

  /// Of the namespace whose TCP sockets were read last; see `TCPTables.overrule`.
  private var keysOfSubflows: [UInt64: UInt64] = [:]

  /// Where the files of the network namespace are: `/proc/net` shows that of the process's first
  /// thread, which never leaves home.
  var isAway = false
  private var net: String { isAway ? "thread-self/net" : "net" }

  /// - Throws: `SystemError` where the proc filesystem cannot be opened.
  init(procfsPath: String) throws(SystemError) {
    procfs = try ProcFileSystem(path: procfsPath)
  }

  /// Both address families; see `NetSockstat`.
  func sockstat() throws -> Sockstat {
    var sockstat = Sockstat()
    let pageBytes = pageBytes
    let file = "net/sockstat"
    try procfs.read("\(net)/sockstat") { bytes in
      try NetSockstat.parse(bytes, file: file, pageBytes: pageBytes, into: &sockstat)
    }
    // A kernel without IPv6 has no such file.
    let file6 = "net/sockstat6"
    _ = try procfs.readIfPresent("\(net)/sockstat6") { bytes in
      try NetSockstat.parse(bytes, file: file6, pageBytes: pageBytes, into: &sockstat)
    }
    return sockstat
  }

  /// What TCP counts; what a kernel does not count is missing.
  func tcpEvents() throws -> TCPEvents {
    var events = TCPEvents()
    _ = try procfs.readIfPresent("\(net)/snmp") { try NetSNMP.parse($0, into: &events) }
    _ = try procfs.readIfPresent("\(net)/netstat") { try NetNetstat.parse($0, into: &events) }
    return events
  }

  // MARK: Sockets

  /// How the TCP sockets of a namespace were read.
  struct TCPSource: Equatable {
    var source: TableSource
    /// Why sock_diag was not used; nil where it was.
    var refusal: NetlinkError?
  }

  /// Reads all TCP sockets, by sock_diag or, where the kernel refuses that, from /proc/net; then, by
  /// sock_diag only, the Multipath TCP sockets, whose states overrule those of their subflows.
  /// - Parameters:
  ///   - tables: what to add them to; a copy of it is begun with for each attempt.
  ///   - body: called for each socket as well, once or more often; its last word on an inode counts.
  /// - Throws: `NetlinkError` where sock_diag answers but does not come to an end, else what
  ///   reading /proc/net met.
  func readTCP(
    into tables: inout TCPTables, _ body: (InternetSocket) -> Void
  ) throws -> TCPSource {
    let empty = tables
    keysOfSubflows = [:]
    do {
      tables = try SocketDump.retrying { () throws(NetlinkError) -> TCPTables in
        var tables = empty
        // Listeners first; see `TCPTables`.
        for states in [SocketDump.TCPStates.listening, .connections] {
          try dump.tcp(states) { socket in
            tables.add(socket)
            body(socket)
          }
        }
        return tables
      }
    } catch {
      guard error.isRefusal else { throw error }
      tables = empty
      try readTCPInProcFS(into: &tables, body)
      return TCPSource(source: .procfs, refusal: error)
    }
    keysOfSubflows = tables.overrule(by: try readMultipathTCP(body))
    return TCPSource(source: .sockDiag, refusal: nil)
  }

  /// The Multipath TCP sockets; none where the kernel does not tell of them.
  private func readMultipathTCP(
    _ body: (InternetSocket) -> Void
  ) throws -> MultipathSockets {
    // A kernel that does not have them might dump its TCP sockets once more.
    guard try setting(KernelSetting.multipathTCP) != nil else { return MultipathSockets() }
    do {
      return try SocketDump.retrying { () throws(NetlinkError) -> MultipathSockets in
        var sockets = MultipathSockets()
        for family in AddressFamily.allCases {
          try dump.multipathTCP(family) { socket in
            sockets.add(socket)
            body(socket)
          }
        }
        return sockets
      }
    } catch {
      guard error.isRefusal else { throw error }
      return MultipathSockets()
    }
  }

  /// The part of `readTCP` that asks /proc/net.
  func readTCPInProcFS(
    into tables: inout TCPTables, _ body: (InternetSocket) -> Void
  ) throws {
    // The files name listeners first, but each only those of its own family.
    var result = tables
    for isListening in [true, false] {
      for (file, family) in [("tcp", AddressFamily.ipv4), ("tcp6", .ipv6)] {
        do {
          try procfs.forEachLine(of: "\(net)/\(file)") { line, number in
            guard
              let socket = try NetTCP.parse(
                line, number: number, file: "net/\(file)", family: family),
              (TCPState(kernelNumber: socket.state) == .listen) == isListening
            else { return }
            result.add(socket)
            body(socket)
          }
        } catch let error as SystemError where error.isGone && family == .ipv6 {
          // A kernel without IPv6 has no such file, and no such sockets.
          continue
        }
      }
    }
    tables = result
  }

  /// For how long sockets have been in CLOSE_WAIT at least, in seconds, by cookie: the time since
  /// their peers were last heard of. Empty where the kernel does not tell, as of a Multipath TCP socket
  /// whose subflows go on. To be asked in the namespace that `readTCP` was called in last.
  /// - Throws: `NetlinkError` where sock_diag answers but does not come to an end.
  func closeWaitAges() throws(NetlinkError) -> [UInt64: Double] {
    do {
      return try SocketDump.retrying { () throws(NetlinkError) -> [UInt64: Double] in
        var ages: [UInt64: Double] = [:]
        for family in AddressFamily.allCases {
          try dump.closeWaitAges(family) { cookie, milliseconds in
            ages[keysOfSubflows[cookie] ?? cookie] = Double(milliseconds) / 1000
          }
        }
        return ages
      }
    } catch {
      guard error.isRefusal else { throw error }
      return [:]
    }
  }

  /// Reads the inodes of all sockets of a kind other than TCP, by sock_diag or, where the kernel
  /// refuses that, from /proc/net. A table that the kernel does not have has no sockets.
  /// - Throws: what reading met.
  func readInodes(of kind: SocketKind, _ body: (UInt32) -> Void) throws {
    do {
      try SocketDump.retrying { () throws(NetlinkError) in
        try dump.inodes(of: kind, body)
      }
    } catch {
      guard error.isRefusal else { throw error }
      try readInodesInProcFS(of: kind, body)
    }
  }

  /// The part of `readInodes` that asks /proc/net.
  func readInodesInProcFS(of kind: SocketKind, _ body: (UInt32) -> Void) throws {
    for table in NetSocketTable.Table.tables(of: kind) {
      do {
        try procfs.forEachLine(of: "\(net)/\(table.file.dropFirst("net/".count))") {
          line, number in
          if let inode = try NetSocketTable.inode(line, number: number, of: table), inode != 0 {
            body(inode)
          }
        }
      } catch let error as SystemError where error.isGone {
        continue
      }
    }
  }

  /// The ports that the kernel chooses from for connections.
  func localPorts() throws -> LocalPorts {
    let range = try procfs.read(PortRange.file) { try PortRange.parse($0) }
    let reserved = try procfs.readIfPresent(ReservedPorts.file) { try ReservedPorts.parse($0) }
    return LocalPorts(range: range, reserved: reserved ?? [])
  }

  // MARK: Limits

  /// Those of the whole host.
  func hostLimits() throws -> Limits {
    var limits = Limits()
    let handles = try procfs.readIfPresent(KernelSetting.fileHandles) {
      try KernelSetting.parseFileHandles($0)
    }
    limits.fileHandles = handles?.used
    limits.fileHandlesLimit = handles?.limit
    limits.tcpMemory = try memoryThresholds(KernelSetting.tcpMemory)
    limits.udpMemory = try memoryThresholds(KernelSetting.udpMemory)
    limits.tcpOrphans = try setting(KernelSetting.tcpOrphans)
    return limits
  }

  /// Those of the network namespace.
  func namespaceLimits() throws -> Limits.Namespace {
    var limits = Limits.Namespace()
    limits.tcpTimeWait = try setting(KernelSetting.tcpTimeWait)
    limits.listenBacklog = try setting(KernelSetting.listenBacklog)
    limits.synBacklog = try setting(KernelSetting.synBacklog)
    limits.conntrackEntries = try setting(KernelSetting.conntrackEntries)
    limits.conntrackEntriesLimit = try setting(KernelSetting.conntrackEntriesLimit)
    return limits
  }

  /// `kernel.pid_max`; nil where it cannot be read.
  func processLimit() -> UInt64? { try? setting(KernelSetting.processLimit) }

  /// One number; nil where it is below zero, and where the kernel has no such setting or hides it, as it
  /// does outside of the first user namespace.
  private func setting(_ file: String) throws -> UInt64? {
    do {
      return try procfs.readIfPresent(file) { try KernelSetting.parse($0, file: file) } ?? nil
    } catch let error as SystemError where error.isDenied {
      return nil
    }
  }

  private func memoryThresholds(_ file: String) throws -> Limits.MemoryThresholds? {
    let pageBytes = pageBytes
    return try procfs.readIfPresent(file) {
      try KernelSetting.parseMemoryThresholds($0, file: file, pageBytes: pageBytes)
    }
  }

  // MARK: Processes

  /// What a process does with SIGCHLD; unknown where it is out of sight or has ended.
  /// - Throws: `SystemError` where the host has run out of descriptors or memory.
  func childSignal(of pid: Int32) throws -> Zombies.ChildSignal {
    do {
      let process = try procfs.openProcess(pid)
      return try procfs.read("status", of: process) { try ProcessStatus.parseChildSignal($0) }
    } catch let error as SystemError where error.isExhaustion {
      throw error
    } catch {
      return .unknown
    }
  }

  /// The short id of the container that a process runs in; nil where it runs in none.
  func containerID(of pid: Int32) -> String? {
    guard let process = try? procfs.openProcess(pid) else { return nil }
    return procfs.controlGroup(of: process)?.shortContainerID
  }
}
