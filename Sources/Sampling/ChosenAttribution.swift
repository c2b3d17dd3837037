internal import LinuxIO
internal import ProcFS
internal import SocketIterators
internal import SocketModel

/// How to find out who holds which socket.
package enum BackendChoice: String, CaseIterable, Sendable {
  /// By BPF where the kernel does it, else from /proc.
  case auto
  case bpf
  case procfs
}

/// The way of attribution that is in use: the kernel's iterator as long as it works, then /proc.
final class ChosenAttribution: AttributionBackend {
  private var current: any AttributionBackend
  private let makeFallback: () throws -> ProcFSAttribution
  private let report: @Sendable (Sampler.Event) -> Void
  /// Whether the kernel's iterator is in use.
  private(set) var usesIterator: Bool

  /// - Throws: `SystemError` where the proc filesystem cannot be opened; with `BackendChoice.bpf`
  ///   `BackendUnavailable`.
  init(
    _ configuration: Sampler.Configuration, report: @escaping @Sendable (Sampler.Event) -> Void,
    makeIterator: () throws -> SocketIterator
  ) throws {
    let path = configuration.procfsPath
    let key = configuration.groupingKey
    self.report = report
    makeFallback = { ProcFSAttribution(try ProcFileSystem(path: path), groupingBy: key) }
    current = try makeFallback()
    usesIterator = false
    // Nobody asks what processes hold.
    guard configuration.collectors.contains(.process), configuration.backend != .procfs else {
      return
    }
    do {
      current = try IteratorAttribution(
        try ProcFileSystem(path: path), groupingBy: key, makeIterator: makeIterator)
      usesIterator = true
    } catch {
      if configuration.backend == .bpf { throw BackendUnavailable(reason: error) }
      report(.iteratorUnavailable(error))
    }
  }

  var needsTables: Bool { current.needsTables }

  func groupName(of pid: Int32) -> String? { current.groupName(of: pid) }

  /// Where the kernel's iterator fails, this walk is already made without it. Only where the host has
  /// run out of something, which /proc would meet as well, the next walk is to try again.
  func walk(
    _ depth: ProcessWalker.Depth, thresholds: Int, isToldApart: (UInt64) -> Bool
  ) throws -> ProcessWalk {
    do {
      return try current.walk(depth, thresholds: thresholds, isToldApart: isToldApart)
    } catch let error as SocketIteratorError where !error.isExhaustion {
      report(.iteratorFailed(error))
      current = try makeFallback()
      usesIterator = false
      return try current.walk(depth, thresholds: thresholds, isToldApart: isToldApart)
    }
  }

  var closeWait: [UInt64: [CloseWaitSocket]] { current.closeWait }

  func add(inode: UInt32, _ mark: SocketMark) { current.add(inode: inode, mark) }

  func setCloseWait(_ inodes: [UInt32]) { current.setCloseWait(inodes) }

  func finish(_ walk: inout ProcessWalk, isRead: (UInt64) -> Bool) {
    current.finish(&walk, isRead: isRead)
  }

  func forEachHolder(of inode: UInt32, _ body: (Int) -> Void) {
    current.forEachHolder(of: inode, body)
  }

  func release() { current.release() }
}

/// The backend that was asked for cannot be had.
package struct BackendUnavailable: Error, CustomStringConvertible {
  package let reason: any Error

  package var description: String { "\(reason)" }
}
