internal import Exposition
internal import SocketModel

/// Collector `process`.
enum ProcessMetrics {
  static let instances = MetricFamily(
    "socket_process_instances", .gauge, labels: ["process"],
    help: """
      Live processes in the group, of those that /proc shows, cached. Kernel threads belong to no \
      group; zombies are not live.
      """)
  static let socketDescriptors = MetricFamily(
    "socket_process_socket_fds", .gauge, labels: ["process", "kind"],
    help: """
      Descriptors that are sockets, held by the group, cached. A socket shared by two processes \
      counts in both. unbound is in no table of the kernel: never bound or connected, or reset \
      since. Left out for a group of which no process could be read.
      """)
  static let openDescriptors = MetricFamily(
    "socket_process_open_fds", .gauge, labels: ["process"],
    help: """
      All open descriptors of the group, cached. Left out for a group of which no process could \
      be read.
      """)
  static let sharedSocketDescriptors = MetricFamily(
    "socket_process_shared_socket_fds", .gauge, labels: ["process"],
    help: """
      Descriptors of the group whose socket another process holds open, too, be it of the same \
      group, cached. Left out for a group of which no process could be read.
      """)
  static let descriptorLimitRatio = MetricFamily(
    "socket_process_fd_limit_ratio", .gauge, labels: ["process"],
    help: """
      Open descriptors divided by their soft limit, of the process of the group that is nearest \
      to it, cached. Left out where no limit could be read.
      """)
  static let tcpSockets = MetricFamily(
    "socket_process_tcp_sockets", .gauge, labels: ["process", "state"],
    help: """
      TCP sockets that the group holds, by state, cached. A socket counts once in a group, however \
      many descriptors it has. close_wait is always written, other states where they are not 0. \
      Left out for a group of which no process could be read.
      """)
  static let closeWaitOldest = MetricFamily(
    "socket_process_close_wait_oldest_seconds", .gauge, unit: .seconds, labels: ["process"],
    help: """
      For how long the oldest CLOSE_WAIT socket of the group has been in CLOSE_WAIT, as far as the \
      exporter knows, cached. Left out where there is none.
      """)
  static let closeWaitAged = MetricFamily(
    "socket_process_close_wait_aged", .gauge, labels: ["process", "older_than"],
    help: """
      TCP sockets that the group holds in CLOSE_WAIT, for at least older_than seconds as far as \
      the exporter knows, cached. Each threshold counts what is beyond the next one, too. Left \
      out for a group of which no process could be read.
      """)
  static let pidSocketDescriptors = MetricFamily(
    "socket_pid_socket_fds", .gauge, labels: ["pid", "process"],
    help: "Descriptors that are sockets, of the processes that hold most, cached.")
  static let pidCloseWait = MetricFamily(
    "socket_pid_tcp_close_wait", .gauge, labels: ["pid", "process"],
    help: """
      TCP sockets in CLOSE_WAIT, of the processes that hold most, cached. Processes without any \
      are left out.
      """)
  static let unreadable = MetricFamily(
    "socket_processes_unreadable", .gauge,
    help: """
      Processes whose descriptors could not be read for lack of permission, of those that /proc \
      shows, cached. No other number speaks of what they hold.
      """)
  static let groupsFolded = MetricFamily(
    "socket_process_groups_folded", .gauge,
    help: """
      Groups summed into process=other because there are more than --process.max-groups in all \
      network namespaces together, cached. Each namespace has an other of its own.
      """)

  static func write(_ snapshot: Snapshot, to page: inout MetricWriter) {
    guard let process = snapshot.process else { return }
    page.write(instances, of: process.groups) { $0.sample($1.name, value: $1.instances) }
    let readable = process.groups.filter { $0.readable > 0 }
    writeDescriptors(readable, to: &page)
    writeTCPSockets(readable, thresholds: process.closeWaitThresholds, to: &page)
    page.write(pidSocketDescriptors, of: process.topSocketDescriptors) {
      $0.sample($1.pid, $1.name, value: $1.count)
    }
    page.write(pidCloseWait, of: process.topCloseWait) {
      $0.sample($1.pid, $1.name, value: $1.count)
    }
    page.write(unreadable, process.unreadable)
    page.write(groupsFolded, process.foldedGroups)
  }

  private static func writeDescriptors(
    _ groups: [ProcessSockets.Group], to page: inout MetricWriter
  ) {
    page.write(socketDescriptors, of: groups) { series, group in
      for kind in SocketKind.allCases {
        series.sample(group.name, kind.label, value: group.socketDescriptors[kind])
      }
    }
    page.write(openDescriptors, of: groups) { $0.sample($1.name, value: $1.openDescriptors) }
    page.write(sharedSocketDescriptors, of: groups) {
      $0.sample($1.name, value: $1.sharedSocketDescriptors)
    }
    page.write(descriptorLimitRatio, of: groups) {
      $0.sample($1.name, value: $1.descriptorLimitRatio)
    }
  }

  private static func writeTCPSockets(
    _ groups: [ProcessSockets.Group], thresholds: [UInt64], to page: inout MetricWriter
  ) {
    page.write(tcpSockets, of: groups) { series, group in
      for state in TCPState.allCases where state == .closeWait || group.tcpSockets[state] > 0 {
        series.sample(group.name, state.label, value: group.tcpSockets[state])
      }
    }
    page.write(closeWaitOldest, of: groups) { $0.sample($1.name, value: $1.closeWaitOldestSeconds) }
    page.write(closeWaitAged, of: groups) { series, group in
      for (threshold, count) in zip(thresholds, group.closeWaitAged) {
        series.sample(group.name, threshold, value: count)
      }
    }
  }
}
