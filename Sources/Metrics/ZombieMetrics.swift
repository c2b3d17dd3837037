internal import Exposition
internal import SocketModel

/// Collector `zombie`.
enum ZombieMetrics {
  static let zombies = MetricFamily(
    "socket_zombie_processes", .gauge,
    help: "Processes that have ended and that their parents have not waited for, cached.")
  static let children = MetricFamily(
    "socket_zombie_children", .gauge, labels: ["parent", "sigchld"],
    help: """
      Zombies by the group of their parent and by what the parent does with SIGCHLD, cached. \
      Parents without zombies are left out.
      """)
  static let processes = MetricFamily(
    "socket_processes", .gauge,
    help: "Processes of the host, kernel threads and zombies included, cached.")
  static let processLimit = MetricFamily(
    "socket_processes_limit", .gauge,
    help: "The value of kernel.pid_max: process and thread ids stay below it.")

  static func write(_ snapshot: Snapshot, to page: inout MetricWriter) {
    guard let zombie = snapshot.zombie else { return }
    page.write(zombies, zombie.total)
    page.write(children) { series in
      for children in zombie.children {
        series.sample(children.parent, children.childSignal.label, value: children.count)
      }
    }
    page.write(processes, zombie.processes)
    page.write(processLimit, zombie.processLimit)
  }
}
