internal import Exposition
internal import SocketModel

/// Collector `process`.
enum ProcessMetrics {
  static let instances = MetricFamily(
    "socket_process_instances", .gauge, labels: ["process"],
    help: """
      Live processes in the group, of those that /proc shows, cached. Kernel threads belong to no group; zombies \
      are not live.
      """)
  static let socketDescriptors = MetricFamily(
    "socket_process_socket_fds", .gauge, labels: ["process", "kind"],
    help: """
      Descriptors that are sockets, held by the group, cached. A socket shared by two \
      processes counts in both. Left out for a group of which no process could be read.
      """)
  static let openDescriptors = MetricFamily(
    "socket_process_open_fds", .gauge, labels: ["process"],
    help: """
      All open descriptors of the group, cached. Left out for a group of which no \
      process could be read.
      """)
  static let pidSocketDescriptors = MetricFamily(
    "socket_pid_socket_fds", .gauge, labels: ["pid", "process"],
    help: "Descriptors that are sockets, of the processes that hold most, cached.")
  static let unreadable = MetricFamily(
    "socket_processes_unreadable", .gauge,
    help: """
      Processes whose descriptors could not be read for lack of permission, of those that /proc shows, cached. No \
      other number speaks of what they hold.
      """)
  static let groupsFolded = MetricFamily(
    "socket_process_groups_folded", .gauge,
    help:
      "Groups summed into process=other because there are more than --process.max-groups, cached.")

  static func write(_ snapshot: Snapshot, to page: inout MetricWriter) {
    guard let process = snapshot.process else { return }
    let readable = process.groups.filter { $0.readable > 0 }
    page.write(instances) { series in
      for group in process.groups { series.sample(group.name, value: group.instances) }
    }
    page.write(socketDescriptors) { series in
      for group in readable {
        series.sample(group.name, "socket" as StaticString, value: group.socketDescriptors.sum)
      }
    }
    page.write(openDescriptors) { series in
      for group in readable { series.sample(group.name, value: group.openDescriptors) }
    }
    page.write(pidSocketDescriptors) { series in
      for holder in process.topSocketDescriptors {
        series.sample(holder.pid, holder.name, value: holder.count)
      }
    }
    page.write(unreadable, process.unreadable)
    page.write(groupsFolded, process.foldedGroups)
  }
}
