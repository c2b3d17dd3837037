internal import CSocketIterators
package import SocketModel

/// What one pass of the kernel over the descriptors of all processes has found; see
/// `descriptor_rows.h`.
package struct DescriptorPass: Sendable {
  /// A table of open descriptors. A process has one, and one more for each thread that left it.
  package struct Table: Sendable, Equatable {
    /// The process, by its number in the exporter's process namespace; 0 where it was ending.
    package var process: Int32
    /// When the process was started, nanoseconds since the boot.
    package var startNanoseconds: UInt64
    /// The inode of its network namespace; nil where it was ending.
    package var namespace: UInt64?
    /// Open descriptors, of sockets and others.
    package var descriptors: UInt64
    /// Descriptors of sockets that are not in `sockets`: each is the only one of its socket.
    package var soleSockets = SocketKindCounts()
    /// Those of `soleSockets` that are TCP sockets, by state.
    package var soleTCPSockets = TCPStateCounts()
    /// Where its further descriptors of sockets stand in `DescriptorPass.sockets`.
    package var sockets: Range<Int>
  }

  /// A descriptor of a socket that may have others, that listens, or that is in CLOSE_WAIT.
  package struct Socket: Sendable, Equatable {
    package var inode: UInt32
    package var kind: SocketKind
    /// Nil where it is no TCP socket.
    package var state: TCPState?
  }

  /// What else is told of a descriptor of a TCP socket in CLOSE_WAIT, which is among `sockets` as well.
  package struct CloseWaitSocket: Sendable, Equatable {
    package var inode: UInt32
    /// What tells it from all others for as long as it lives, as sock_diag tells it; 0 where nobody has
    /// asked the kernel for it yet.
    package var cookie: UInt64
    /// The inode of the network namespace of the socket, which need not be that of the process.
    package var namespace: UInt64
  }

  /// Ordered by process once `close` was called.
  package private(set) var tables: [Table] = []
  package private(set) var sockets: [Socket] = []
  /// One for each descriptor, in the order in which they were met.
  package private(set) var closeWait: [CloseWaitSocket] = []
  /// Tables met through a thread whose main thread has another one, or has ended. Each of its threads
  /// is met.
  private var tablesOfThreads: Set<ThreadTable> = []
  /// Where in `sockets` those of the next table begin, and where in `closeWait`.
  private var begun = 0
  private var begunCloseWait = 0

  /// The address alone would do but for processes that share a table, and for one that is given out again.
  private struct ThreadTable: Hashable {
    var process: Int32
    var started: UInt64
    var address: UInt64
  }

  package init() {}

  /// Adds rows as the kernel has written them.
  /// - Throws: `SocketIteratorError.malformed` where they are cut short or say what they cannot.
  package mutating func add(_ rows: Span<UInt8>) throws(SocketIteratorError) {
    var offset = 0
    while offset < rows.count {
      switch Int(try rows.load(UInt32.self, at: offset)) {
      case DESCRIPTOR_ROWS_SOCKET:
        try add(rows.load(DescriptorRows_Socket.self, at: offset), at: offset)
        offset += MemoryLayout<DescriptorRows_Socket>.size
      case DESCRIPTOR_ROWS_CLOSE_WAIT:
        add(try rows.load(DescriptorRows_CloseWait.self, at: offset))
        offset += MemoryLayout<DescriptorRows_CloseWait>.size
      case DESCRIPTOR_ROWS_TABLE:
        try add(rows.load(DescriptorRows_Table.self, at: offset), at: offset)
        offset += MemoryLayout<DescriptorRows_Table>.size
      default: throw .malformed(offset: offset)
      }
    }
  }

  private mutating func add(
    _ row: DescriptorRows_Socket, at offset: Int
  ) throws(SocketIteratorError) {
    guard let kind = SocketKind(rawValue: Int(row.kind)) else { throw .malformed(offset: offset) }
    sockets.append(
      Socket(inode: row.inode, kind: kind, state: TCPState(kernelNumber: row.state)))
  }

  private mutating func add(_ row: DescriptorRows_CloseWait) {
    sockets.append(Socket(inode: row.inode, kind: .tcp, state: .closeWait))
    closeWait.append(
      CloseWaitSocket(
        inode: row.inode, cookie: row.cookie, namespace: UInt64(row.network_namespace)))
  }

  private mutating func add(
    _ row: DescriptorRows_Table, at offset: Int
  ) throws(SocketIteratorError) {
    let places = begun..<sockets.count
    guard row.descriptors >= places.count, row.process >= 0 else {
      throw .malformed(offset: offset)
    }
    let table = ThreadTable(process: row.process, started: row.started, address: row.table)
    if row.is_main == 0, !tablesOfThreads.insert(table).inserted {
      sockets.removeSubrange(places)
      closeWait.removeSubrange(begunCloseWait...)
      return
    }
    begun = sockets.count
    begunCloseWait = closeWait.count
    var counted = Table(
      process: row.process, startNanoseconds: row.started,
      namespace: row.network_namespace == 0 ? nil : UInt64(row.network_namespace),
      descriptors: UInt64(row.descriptors), sockets: places)
    for kind in SocketKind.allCases {
      counted.soleSockets[kind] = UInt64(row.count(of: kind))
    }
    for state in TCPState.allCases {
      counted.soleTCPSockets[state] = UInt64(row.count(in: state))
    }
    tables.append(counted)
  }

  /// Ends the pass; from now on processes can be found.
  package mutating func close() throws(SocketIteratorError) {
    // Rows of sockets without their table: the kernel ended early.
    guard begun == sockets.count else { throw .malformed(offset: 0) }
    tables.sort { ($0.process, $0.startNanoseconds) < ($1.process, $1.startNanoseconds) }
  }

  /// The tables of a process; none where it had no descriptor, or was not there yet.
  package func tables(of process: Int32) -> ArraySlice<Table> {
    var low = 0
    var high = tables.count
    while low < high {
      let middle = (low + high) >> 1
      if tables[middle].process < process { low = middle + 1 } else { high = middle }
    }
    return tables[low...].prefix { $0.process == process }
  }
}

extension DescriptorRows_Table {
  fileprivate func count(of kind: SocketKind) -> UInt32 {
    unsafe withUnsafeBytes(of: kinds) { (counts) in
      unsafe counts.loadUnaligned(fromByteOffset: kind.rawValue * 4, as: UInt32.self)
    }
  }

  fileprivate func count(in state: TCPState) -> UInt32 {
    unsafe withUnsafeBytes(of: states) { (counts) in
      unsafe counts.loadUnaligned(fromByteOffset: Int(state.rawValue) * 4, as: UInt32.self)
    }
  }
}

extension Span where Element == UInt8 {
  /// Loads a structure or an integer as the kernel wrote it.
  /// - Throws: `SocketIteratorError.malformed` where the rows end before.
  fileprivate func load<Value: BitwiseCopyable>(
    _ type: Value.Type, at offset: Int
  ) throws(SocketIteratorError) -> Value {
    guard count - offset >= MemoryLayout<Value>.size else { throw .malformed(offset: offset) }
    return unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: type)
  }
}
