/// Processes that have ended and that their parents have not waited for, and how many processes there
/// are beside the limit.
package struct Zombies: Sendable, Equatable {
  /// What a process does with SIGCHLD (`SigIgn` and `SigCgt` of `/proc/<pid>/status`).
  package enum ChildSignal: Int, CaseIterable, Sendable {
    case `default`, ignored, caught
    /// The parent's status could not be read, or the parent is outside of the process namespace.
    case unknown

    /// The value of the `sigchld` label.
    package var label: StaticString {
      switch self {
      case .default: "default"
      case .ignored: "ignored"
      case .caught: "caught"
      case .unknown: "unknown"
      }
    }
  }

  /// The zombies of parents that share a name and a disposition.
  package struct Children: Sendable, Equatable {
    /// The parents' group name; `unknown` where the parent cannot be seen.
    package var parent: String
    package var childSignal: ChildSignal
    package var count: UInt64

    package init(parent: String, childSignal: ChildSignal, count: UInt64) {
      self.parent = parent
      self.childSignal = childSignal
      self.count = count
    }
  }

  /// The oldest zombie under the parents of one name.
  package struct Oldest: Sendable, Equatable {
    /// As in `Children`.
    package var parent: String
    package var seconds: Double

    package init(parent: String, seconds: Double) {
      self.parent = parent
      self.seconds = seconds
    }
  }

  /// Processes in state Z; nil where the state of some may not be read (hidepid=1), for they may be
  /// zombies.
  package var total: UInt64?
  /// By parent, ordered by name and disposition.
  package var children: [Children] = []
  /// The oldest zombie of each group of parents, ordered by name. Ages count from the sample that met
  /// the zombie first, so they are at least that.
  package var oldest: [Oldest] = []
  /// Elements of `children` that were summed up because there were more than the cap.
  package var foldedParents: UInt64 = 0
  /// All processes, kernel threads and zombies included: each takes a process id.
  package var processes: UInt64 = 0
  /// `kernel.pid_max`; nil where it cannot be read.
  package var processLimit: UInt64?

  package init() {}
}
