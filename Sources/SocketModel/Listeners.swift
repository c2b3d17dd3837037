/// The listening TCP sockets of one network namespace.
package struct Listeners: Sendable, Equatable {
  /// All sockets that listen on one address and port for one group of processes: several where they
  /// share the port (SO_REUSEPORT).
  package struct Listener: Sendable, Equatable {
    /// The address without its port; `0.0.0.0` and `::` for every address.
    package var address: String
    /// Nil in the row that what is over the cap is summed into.
    package var port: UInt16?
    /// The group that holds it; `unknown` where nobody does or it may not be seen.
    package var process: String
    /// Connections that wait for accept(2).
    package var acceptQueue: UInt64
    /// How many may wait: the backlog of listen(2), bounded by `net.core.somaxconn`. Nil where the
    /// source does not tell (/proc/net).
    package var acceptQueueLimit: UInt64?

    package init(
      address: String, port: UInt16?, process: String, acceptQueue: UInt64,
      acceptQueueLimit: UInt64?
    ) {
      self.address = address
      self.port = port
      self.process = process
      self.acceptQueue = acceptQueue
      self.acceptQueueLimit = acceptQueueLimit
    }
  }

  /// TCP sockets whose local port is one that somebody listens on.
  package struct Port: Sendable, Equatable {
    /// Nil in the row that what is over the cap is summed into.
    package var number: UInt16?
    package var sockets: TCPStateCounts

    package init(number: UInt16?, sockets: TCPStateCounts) {
      self.number = number
      self.sockets = sockets
    }
  }

  /// Ordered by port, address and process.
  package var listeners: [Listener] = []
  /// Ordered by number.
  package var ports: [Port] = []
  /// Listeners summed into one because there were more than the cap.
  package var foldedListeners: UInt64 = 0
  /// Ports summed into one, likewise.
  package var foldedPorts: UInt64 = 0

  package init() {}
}
