internal import LinuxIO
internal import ProcFS
internal import SocketModel

/// What one walk over all processes finds.
struct ProcessWalk {
  /// All processes, kernel threads and zombies included.
  var processes: UInt64 = 0
  /// Zombies by the process id of their parent.
  var zombiesByParent: [Int32: UInt64] = [:]
  /// Live processes by name, in the order in which they were met.
  var groups: [ProcessSockets.Group] = []
  /// Every process that holds a socket.
  var holders: [ProcessSockets.Holder] = []
  /// Processes whose descriptors could not be read, for lack of permission mostly.
  var unreadable: UInt64 = 0
  /// Those of `unreadable` that may be zombies, because not even their state could be read.
  var ofUnknownState: UInt64 = 0
}

/// Walks over all processes. Processes that end meanwhile are ordinary and leave no trace.
struct ProcessWalker: ~Copyable {
  private var processEntries = DirectoryReader()
  private var threadEntries = DirectoryReader(capacity: 8 << 10)
  private var descriptors = DescriptorReader()

  /// - Parameter readsDescriptors: whether to count what the processes hold, which is nearly all of
  ///   the work.
  /// - Throws: `SystemError` where /proc cannot be listed, or where the exporter or the host has run
  ///   out of descriptors or memory; `NoProcesses` where /proc is none.
  mutating func walk(
    _ procfs: inout ProcFileSystem, readsDescriptors: Bool
  ) throws -> ProcessWalk {
    var walk = ProcessWalk()
    var indexOfName: [String: Int] = [:]
    for pid in try procfs.processIDs(using: &processEntries) {
      let stat: ProcessStat
      let counts: DescriptorCounts?
      do {
        let process = try procfs.openProcess(pid)
        stat = try procfs.read("stat", of: process) { bytes throws(ParseError) in
          try ProcessStat(parsing: bytes)
        }
        let isLive = !stat.isKernelThread && !stat.isZombie
        counts = isLive && readsDescriptors ? try count(of: process, stat) : nil
      } catch let error as SystemError where error.isGone {
        continue
      } catch let error as SystemError where error.isExhaustion {
        // That says nothing about this process, and the next ones would fare no better.
        throw error
      } catch {
        // Not even its name can be known: hidepid=1, or a text that nobody expects. One process must
        // not decide for the host.
        walk.processes += 1
        walk.unreadable += 1
        walk.ofUnknownState += 1
        continue
      }
      walk.processes += 1
      if stat.isKernelThread { continue }
      if stat.isZombie {
        walk.zombiesByParent[stat.parent, default: 0] += 1
        continue
      }
      let name = stat.groupName
      let index = indexOfName[name] ?? walk.groups.count
      if index == walk.groups.count {
        indexOfName[name] = index
        walk.groups.append(ProcessSockets.Group(name: name))
      }
      walk.groups[index].instances += 1
      guard let counts else {
        if readsDescriptors { walk.unreadable += 1 }
        continue
      }
      walk.groups[index].readable += 1
      walk.groups[index].openDescriptors += counts.all
      walk.groups[index].socketDescriptors[.other] += counts.sockets
      if counts.sockets > 0 {
        walk.holders.append(
          ProcessSockets.Holder(pid: pid, name: name, count: counts.sockets))
      }
    }
    return walk
  }

  /// Counts what a process holds; nil where that cannot be read.
  private mutating func count(
    of process: borrowing FileDescriptor, _ stat: ProcessStat
  ) throws(SystemError) -> DescriptorCounts? {
    do throws(SystemError) {
      if stat.hasEndedMainThread {
        return try countOfLiveThread(of: process)
      }
      return try descriptors.count(in: process.open(below: "fd", directory: true))
    } catch {
      if error.isGone || error.isExhaustion { throw error }
      return nil
    }
  }

  /// Where the main thread has ended, its descriptor directory is empty, but the other threads hold
  /// the process's descriptors on. They share one table, so the fullest listing is that of any one
  /// that lives.
  private mutating func countOfLiveThread(
    of process: borrowing FileDescriptor
  ) throws(SystemError) -> DescriptorCounts {
    let tasks = try process.open(below: "task", directory: true)
    for thread in try threadEntries.numbers(in: tasks, name: "task") {
      do throws(SystemError) {
        let counts = try descriptors.count(in: tasks.open(below: "\(thread)/fd", directory: true))
        if counts.all > 0 { return counts }
      } catch {
        guard error.isGone else { throw error }
      }
    }
    return DescriptorCounts()
  }
}

extension ProcessStat {
  /// The group that a process belongs to. One without a name needs one: an empty label is no label.
  var groupName: String { name.isEmpty ? "(unnamed)" : name }
}
