/// What the processes of the host hold, summed by group.
package struct ProcessSockets: Sendable, Equatable {
  /// The processes that share a name and a network namespace.
  package struct Group: Sendable, Equatable {
    /// What the processes have in common, by `--process.group-by`: valid UTF-8, otherwise as the
    /// process chose it.
    package var name: String
    /// The network namespace of the processes, where it is not the exporter's own and namespaces are
    /// told apart; see `InNamespace`.
    package var namespace: String?
    /// Live processes; kernel threads and zombies are none.
    package var instances: UInt64 = 0
    /// Those of `instances` whose descriptors could be read. What follows speaks of these only, and
    /// where it is 0 it says nothing.
    package var readable: UInt64 = 0
    /// Descriptors that are sockets. A socket shared by two processes counts in both.
    package var socketDescriptors = SocketKindCounts()
    /// All open descriptors.
    package var openDescriptors: UInt64 = 0
    /// Of `socketDescriptors`, those whose socket another process holds open, too.
    package var sharedSocketDescriptors: UInt64 = 0
    /// Open descriptors divided by the soft limit, of the member that is nearest to it; nil where no
    /// member has a limit that could be read.
    package var descriptorLimitRatio: Double?
    /// TCP sockets held, by state. Two descriptors of one socket are one socket here, also where
    /// they belong to two members.
    package var tcpSockets = TCPStateCounts()
    /// CLOSE_WAIT sockets held that are at least as old as each of `closeWaitThresholds`.
    package var closeWaitAged: [UInt64]
    /// Age of the oldest CLOSE_WAIT socket held, seconds; nil where there is none.
    package var closeWaitOldestSeconds: Double?

    /// - Parameter thresholds: how many `closeWaitThresholds` there are.
    package init(name: String, namespace: String? = nil, thresholds: Int = 0) {
      self.name = name
      self.namespace = namespace
      closeWaitAged = Array(repeating: 0, count: thresholds)
    }

    /// Adds the members of another group to this one.
    package mutating func add(_ other: Group) {
      instances += other.instances
      readable += other.readable
      socketDescriptors += other.socketDescriptors
      openDescriptors += other.openDescriptors
      sharedSocketDescriptors += other.sharedSocketDescriptors
      descriptorLimitRatio = greater(descriptorLimitRatio, other.descriptorLimitRatio)
      tcpSockets += other.tcpSockets
      for index in closeWaitAged.indices { closeWaitAged[index] += other.closeWaitAged[index] }
      closeWaitOldestSeconds = greater(closeWaitOldestSeconds, other.closeWaitOldestSeconds)
    }
  }

  /// One process among those that hold most.
  package struct Holder: Sendable, Equatable {
    package var pid: Int32
    /// The name of its group.
    package var name: String
    /// The namespace of its group.
    package var namespace: String?
    package var count: UInt64

    package init(pid: Int32, name: String, namespace: String? = nil, count: UInt64) {
      self.pid = pid
      self.name = name
      self.namespace = namespace
      self.count = count
    }
  }

  /// The name of the groups that what is over the cap is summed into, one for each namespace.
  package static let foldedName = "other"

  /// The groups ordered by namespace, the exporter's own first, and name; `foldedName` among those of
  /// each namespace where some were folded.
  package var groups: [Group] = []
  /// Groups of all namespaces summed into `foldedName` because there were more than the cap.
  package var foldedGroups: UInt64 = 0
  /// Ages that CLOSE_WAIT sockets are counted from, seconds, ascending.
  package var closeWaitThresholds: [UInt64] = []
  /// The processes with most socket descriptors, most first, at most as many as were asked for; none
  /// without any.
  package var topSocketDescriptors: [Holder] = []
  /// The processes that hold most CLOSE_WAIT sockets, likewise.
  package var topCloseWait: [Holder] = []
  /// Processes whose descriptors could not be read for lack of permission.
  package var unreadable: UInt64 = 0

  package init() {}
}

/// The greater of two values that may be missing.
private func greater(_ left: Double?, _ right: Double?) -> Double? {
  guard let left, let right else { return left ?? right }
  return max(left, right)
}
