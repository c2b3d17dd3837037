internal import SocketModel

/// Finds out who holds which socket. The seam between ways of doing it: `ProcFSAttribution` walks over
/// /proc and joins what it finds there with the kernel's socket tables; `IteratorAttribution` lets a
/// program in the kernel do most of that.
///
/// For each sample `walk` is called first; then, where tables are read, `add` for each of their rows,
/// in whatever order and as often as they had to be read, and `setCloseWait`; then `finish`, then
/// `forEachHolder` as often as needed, then `release`.
protocol AttributionBackend: AnyObject {
  /// Whether it is to be given the rows of the tables of all kinds of sockets. Where not, it can do
  /// without any.
  var needsTables: Bool { get }
  /// Looks at all processes.
  func walk(
    _ depth: ProcessWalker.Depth, thresholds: Int, isToldApart: (UInt64) -> Bool
  ) throws -> ProcessWalk
  /// The name of the group of a process that was met on the last walk.
  func groupName(of pid: Int32) -> String?
  /// The TCP sockets in CLOSE_WAIT that the walk itself has met, by the inode of their network
  /// namespace, each as often as it has descriptors; none where it takes the tables to know them.
  var closeWait: [UInt64: [CloseWaitSocket]] { get }
  /// Takes a row of a socket table.
  func add(inode: UInt32, _ mark: SocketMark)
  /// Takes the inodes of all sockets in CLOSE_WAIT whose ages are told: what the processes hold in this
  /// state is not to contradict them.
  func setCloseWait(_ inodes: [UInt32])
  /// Credits each socket to its holders.
  /// - Parameter isRead: whether the tables of a network namespace, by inode, were read.
  func finish(_ walk: inout ProcessWalk, isRead: (UInt64) -> Bool)
  /// Calls `body` with the place in `ProcessWalk.members` of each process that holds a socket, in their
  /// order and once for each descriptor.
  func forEachHolder(of inode: UInt32, _ body: (Int) -> Void)
  /// Gives back what is only needed during a sample.
  func release()
}
