/// What the processes of the host hold, summed by group.
package struct ProcessSockets: Sendable, Equatable {
  /// The processes that share a name.
  package struct Group: Sendable, Equatable {
    /// The name the processes share (comm): valid UTF-8, otherwise as the process chose it.
    package var name: String
    /// Live processes; kernel threads and zombies are none.
    package var instances: UInt64 = 0
    /// Those of `instances` whose descriptors could be read. The sums below speak of these only, and
    /// where it is 0 they say nothing.
    package var readable: UInt64 = 0
    /// Descriptors that are sockets. A socket shared by two processes counts in both.
    package var socketDescriptors: UInt64 = 0
    /// All open descriptors.
    package var openDescriptors: UInt64 = 0

    package init(name: String) {
      self.name = name
    }

    /// Adds the members of another group to this one.
    package mutating func add(_ other: Group) {
      instances += other.instances
      readable += other.readable
      socketDescriptors += other.socketDescriptors
      openDescriptors += other.openDescriptors
    }
  }

  /// One process among those that hold most sockets.
  package struct Holder: Sendable, Equatable {
    package var pid: Int32
    package var name: String
    package var socketDescriptors: UInt64

    package init(pid: Int32, name: String, socketDescriptors: UInt64) {
      self.pid = pid
      self.name = name
      self.socketDescriptors = socketDescriptors
    }
  }

  /// The name of the group that what is over the cap is summed into.
  package static let foldedName = "other"

  /// The groups in the order of their names, `foldedName` among them where some were folded.
  package var groups: [Group] = []
  /// Groups summed into `foldedName` because there were more than the cap.
  package var foldedGroups: UInt64 = 0
  /// The processes that hold most sockets, most first, at most as many as were asked for; none that
  /// holds no socket.
  package var top: [Holder] = []
  /// Processes whose descriptors could not be read for lack of permission.
  package var unreadable: UInt64 = 0

  package init() {}
}
