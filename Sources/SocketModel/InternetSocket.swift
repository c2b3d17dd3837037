/// One row of the kernel's table of TCP, UDP or raw sockets, by sock_diag(7) or /proc/net.
package struct InternetSocket: Sendable, Equatable {
  /// What the kernel will do next of itself.
  package enum Timer: UInt8, Sendable {
    case none, retransmit, keepalive, timeWait, probe
  }

  package var family: AddressFamily
  /// The kernel's number of the state; `TCPState(kernelNumber:)` reads that of a TCP socket.
  package var state: UInt8
  /// The kernel's number of the pending timer; see `Timer`.
  package var timer: UInt8
  package var localPort: UInt16
  package var remotePort: UInt16
  package var local: IPAddress
  package var remote: IPAddress
  /// Bytes received and not yet read; of a TCP listener, connections that wait for accept(2).
  package var receiveQueue: UInt32
  /// Bytes written and not yet acknowledged; of a TCP listener, the limit of `receiveQueue` (by
  /// sock_diag only, /proc/net has 0).
  package var sendQueue: UInt32
  /// What the links of its descriptors name; 0 where no process holds it.
  package var inode: UInt32
  /// A number that the kernel never gives to another socket while the host runs; 0 where the source
  /// has none (/proc/net).
  package var cookie: UInt64

  package init(
    family: AddressFamily, state: UInt8, timer: UInt8, localPort: UInt16, remotePort: UInt16,
    local: IPAddress, remote: IPAddress, receiveQueue: UInt32, sendQueue: UInt32, inode: UInt32,
    cookie: UInt64
  ) {
    self.family = family
    self.state = state
    self.timer = timer
    self.localPort = localPort
    self.remotePort = remotePort
    self.local = local
    self.remote = remote
    self.receiveQueue = receiveQueue
    self.sendQueue = sendQueue
    self.inode = inode
    self.cookie = cookie
  }
}
