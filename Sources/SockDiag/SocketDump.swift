internal import Glibc
package import SocketModel

/// Dumps the sockets of the calling thread's network namespace (sock_diag(7)). Rows are handed on as
/// they come and never kept.
///
/// A dump is one attempt: where it throws, what its caller was given is not the whole answer, and the
/// caller begins anew with nothing; see `retrying`.
///
/// What the kernel says it has no module for is refused with ENOENT for five minutes without asking
/// it again; see `AbsentModules`.
package struct SocketDump: ~Copyable {
  private var buffer = [UInt8](repeating: 0, count: NetlinkSocket.datagramBytes)
  private var sequence: UInt32 = 0
  private let timeLimit: Duration
  private let now: () -> SuspendingClock.Instant
  private(set) var absent = AbsentModules()

  package init() {
    self.init(timeLimit: .seconds(10))
  }

  /// - Parameters:
  ///   - timeLimit: how long one dump may take. Even a million sockets take a second or two.
  ///   - now: tells the time; CLOCK_MONOTONIC unless a test has its own.
  init(timeLimit: Duration, now: @escaping () -> SuspendingClock.Instant = { .now }) {
    self.timeLimit = timeLimit
    self.now = now
  }

  /// Dumps the TCP sockets of both families in these states, in no order. The kernel may name states
  /// that were not asked for, and states that `TCPState` does not have.
  ///
  /// It walks its table once, or once for each family where it refuses that.
  /// - Throws: `NetlinkError`.
  package mutating func tcp(
    _ states: TCPStates, _ body: (InternetSocket) -> Void
  ) throws(NetlinkError) {
    let families = AddressFamily.allCases.map { DumpRequest.tcp($0, states) }
    try dump(.tcp(states), orElse: families) { (datagram, row) throws(NetlinkError) in
      if let socket = try DumpRow.internetSocket(in: datagram, at: row) { body(socket) }
    }
  }

  /// Dumps the Multipath TCP sockets of a family that are or were connected. Each is what its process
  /// holds, and the TCP table has its subflows, with the same inode and with cookies and states of
  /// their own: data may have ended (RFC 8684, DATA_FIN) on a subflow that goes on. One that listens
  /// says nothing that the TCP table does not.
  /// Kernels before 5.9 know no such request and dump their TCP sockets instead.
  /// - Throws: `NetlinkError`. It is a refusal with ENOENT where the kernel has no Multipath TCP, or
  ///   no module that tells of it.
  package mutating func multipathTCP(
    _ family: AddressFamily, _ body: (InternetSocket) -> Void
  ) throws(NetlinkError) {
    try dump(.multipathTCP(family)) { (datagram, row) throws(NetlinkError) in
      if let socket = try DumpRow.internetSocket(in: datagram, at: row) { body(socket) }
    }
  }

  /// Tells how long the TCP sockets in CLOSE_WAIT have not heard of their peers: for each its cookie
  /// (see `InternetSocket.cookie`) and `tcpi_last_ack_recv` (`linux/tcp.h`), the milliseconds since
  /// the last acknowledgement came, which wrap around after 49.7 days. Sockets of which the kernel
  /// does not say it are passed over. The kernel locks each of these sockets for a moment.
  /// - Throws: `NetlinkError`.
  package mutating func closeWaitAges(
    _ family: AddressFamily, _ body: (_ cookie: UInt64, _ sinceLastAckMilliseconds: UInt32) -> Void
  ) throws(NetlinkError) {
    try dump(.closeWaitInfo(family)) { (datagram, row) throws(NetlinkError) in
      guard let age = try DumpRow.age(in: datagram, at: row) else { return }
      body(age.cookie, age.sinceLastAckMilliseconds)
    }
  }

  /// Dumps the inodes of all sockets of a kind that a process may hold: UDP (UDP-Lite included) and
  /// raw sockets of both families, unix, netlink and packet sockets; nothing for the other kinds.
  /// Sockets that no process holds are passed over. An inode may come twice: the kernel lists a
  /// netlink socket again that listens to groups.
  /// - Throws: `NetlinkError`. It is a refusal with ENOENT where the kernel has no module for one of
  ///   the requests that it takes, UDP-Lite excepted.
  package mutating func inodes(
    of kind: SocketKind, _ body: (UInt32) -> Void
  ) throws(NetlinkError) {
    for request in DumpRequest.all(of: kind) {
      do throws(NetlinkError) {
        try dump(request) { (datagram, row) throws(NetlinkError) in
          let inode = try request.row.inode(in: datagram, at: row)
          if inode != 0 { body(inode) }
        }
      } catch {
        guard request.mayBeUnknown, error == .refused(code: ENOENT) else { throw error }
      }
    }
  }

  /// Asks for the whole or, where the kernel refuses that, for one part after the other; and for the
  /// parts at once while the refusal is remembered. A whole that is refused after it has begun is a
  /// failed attempt: its rows would come a second time.
  @inline(__always)
  mutating func dump(
    _ whole: DumpRequest, orElse parts: [DumpRequest],
    _ row: (_ datagram: Span<UInt8>, _ payload: Range<Int>) throws(NetlinkError) -> Void
  ) throws(NetlinkError) {
    if !absent.contains(whole.module, now: now()) {
      var hasRows = false
      do throws(NetlinkError) {
        return try ask(whole) { (datagram, payload) throws(NetlinkError) in
          hasRows = true
          try row(datagram, payload)
        }
      } catch {
        guard error.isRefusal, !hasRows else { throw error }
        absent.insert(whole.module, now: now())
      }
    }
    for part in parts { try dump(part, row) }
  }

  @inline(__always)
  mutating func dump(
    _ request: DumpRequest,
    _ row: (_ datagram: Span<UInt8>, _ payload: Range<Int>) throws(NetlinkError) -> Void
  ) throws(NetlinkError) {
    if absent.contains(request.module, now: now()) { throw .refused(code: ENOENT) }
    do throws(NetlinkError) {
      try ask(request, row)
    } catch {
      if error == .refused(code: ENOENT) { absent.insert(request.module, now: now()) }
      throw error
    }
  }

  @inline(__always)
  private mutating func ask(
    _ request: DumpRequest,
    _ row: (_ datagram: Span<UInt8>, _ payload: Range<Int>) throws(NetlinkError) -> Void
  ) throws(NetlinkError) {
    // A socket of its own for each dump: what an abandoned one left unread cannot get in the way.
    let socket = try NetlinkSocket()
    sequence &+= 1
    let deadline = now() + timeLimit
    try socket.send(request.bytes(sequence: sequence))
    while true {
      let length = try socket.receive(into: &buffer)
      let progress = try DumpReply.read(
        buffer.span.extracting(0..<length), sequence: sequence, row: row)
      if progress == .complete { return }
      guard now() < deadline else { throw .timedOut }
    }
  }
}

extension SocketDump {
  /// How often an attempt is made before it counts as failed.
  package static let attempts = 3

  /// Repeats an attempt that may fail in passing, `attempts` times at most. What a failed attempt has
  /// gathered is its own to drop.
  /// - Throws: `NetlinkError`, the last attempt's; at once what will not pass.
  package static func retrying<Value>(
    _ attempt: () throws(NetlinkError) -> Value
  ) throws(NetlinkError) -> Value {
    var attemptsLeft = attempts
    while true {
      attemptsLeft -= 1
      do throws(NetlinkError) {
        return try attempt()
      } catch {
        guard error.isTransient, attemptsLeft > 0 else { throw error }
      }
    }
  }
}
