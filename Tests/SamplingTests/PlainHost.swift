import Foundation
import TestSupport

/// A host made of plain files, for what the recorded ones do not have.
final class PlainHost {
  /// So long since the boot that nobody on this host is young.
  static let longAgo = 0

  private let directory: TemporaryDirectory
  var path: String { directory.path }

  init() throws {
    directory = try TemporaryDirectory()
  }

  private func url(_ path: String) -> URL { URL(filePath: directory.path).appending(path: path) }

  func write(_ path: String, _ text: String) throws {
    let url = url(path)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: url)
  }

  func remove(_ path: String) throws {
    try FileManager.default.removeItem(at: url(path))
  }

  func move(_ path: String, to other: String) throws {
    try FileManager.default.moveItem(at: url(path), to: url(other))
  }

  func link(_ path: String, to target: String) throws {
    let url = url(path)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      atPath: url.path(), withDestinationPath: target)
  }

  /// Replaces what a process, or one of its threads, has open.
  func descriptors(_ process: String, _ targets: [String]) throws {
    let url = url("\(process)/fd")
    try? FileManager.default.removeItem(at: url)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    for (number, target) in targets.enumerated() {
      try FileManager.default.createSymbolicLink(
        atPath: url.appending(path: "\(number)").path(), withDestinationPath: target)
    }
  }

  func stat(
    _ pid: Int, _ name: String, _ state: String = "S", parent: Int = 1, flags: Int = 0,
    threads: Int = 1, startTicks: Int = longAgo
  ) throws {
    try write(
      "\(pid)/stat",
      "\(pid) (\(name)) \(state) \(parent) 1 1 0 -1 \(flags) 0 0 0 0 0 0 0 0 20 0 \(threads) 0 "
        + "\(startTicks) 0\n")
  }

  /// A process that has lived for long.
  func process(_ pid: Int, _ name: String, holding targets: [String] = [], parent: Int = 1) throws {
    try stat(pid, name, parent: parent)
    try descriptors("\(pid)", targets)
  }
}
