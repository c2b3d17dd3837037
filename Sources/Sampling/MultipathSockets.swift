internal import SocketModel

/// The Multipath TCP sockets of one network namespace that processes hold.
struct MultipathSockets {
  private(set) var inodes: Set<UInt32> = []
  /// Those of them in CLOSE_WAIT: the peer has sent its last byte, on whichever subflow.
  private(set) var closeWait: [CloseWaitSocket] = []

  mutating func add(_ socket: InternetSocket) {
    guard socket.inode != 0, inodes.insert(socket.inode).inserted else { return }
    if TCPState(kernelNumber: socket.state) == .closeWait {
      closeWait.append(CloseWaitSocket(cookie: socket.cookie, inode: socket.inode))
    }
  }
}
