internal import Exposition
internal import SocketModel

/// Collector `zombie`.
enum ZombieMetrics {
  static let zombies = MetricFamily(
    "socket_zombie_processes", .gauge,
    help: """
      Processes that have ended and that their parents have not waited for, of those that /proc \
      shows, cached. Left out where the state of some may not be read.
      """)
  static let children = MetricFamily(
    "socket_zombie_children", .gauge, labels: ["parent", "sigchld"],
    help: """
      Zombies by the group of their parent and by what the parent does with SIGCHLD, of those that \
      /proc shows, cached. Parents without zombies are left out.
      """)
  static let oldest = MetricFamily(
    "socket_zombie_oldest_seconds", .gauge, unit: .seconds, labels: ["parent"],
    help: """
      For how long the exporter has seen the oldest zombie of the parent's group, of those that \
      /proc shows, cached. Parents without zombies are left out.
      """)
  static let parentsFolded = MetricFamily(
    "socket_zombie_parents_folded", .gauge,
    help: """
      Groups of parents of zombies, told apart by sigchld, that are summed into parent=other \
      because there are more than --process.max-groups, cached.
      """)
  static let processes = MetricFamily(
    "socket_processes", .gauge,
    help: "Processes that /proc shows, kernel threads and zombies included, cached.")
  static let processLimit = MetricFamily(
    "socket_processes_limit", .gauge,
    help: """
      The value of kernel.pid_max, cached: process and thread ids stay below it. Since Linux 6.14 \
      that of the exporter's process namespace, before that the host's.
      """)

  static func write(_ snapshot: Snapshot, to page: inout MetricWriter) {
    guard let zombie = snapshot.zombie else { return }
    page.write(zombies, zombie.total)
    page.write(children) { series in
      for children in zombie.children {
        series.sample(children.parent, children.childSignal.label, value: children.count)
      }
    }
    page.write(oldest) { series in
      for oldest in zombie.oldest { series.sample(oldest.parent, value: oldest.seconds) }
    }
    page.write(parentsFolded, zombie.foldedParents)
    page.write(processes, zombie.processes)
    page.write(processLimit, zombie.processLimit)
  }
}
