internal import Foundation

/// Programs from outside of the package that tests use.
package enum Tools {
  /// Whether all of these programs can be run from here.
  package static func areInstalled(_ names: String...) -> Bool {
    let directories = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    return names.allSatisfy { name in
      directories.contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(name)") }
    }
  }

  /// Starts a program, which ends when nobody refers to it at the latest.
  package static func start(_ arguments: [String]) throws -> ChildProcess {
    try ChildProcess(arguments)
  }

  /// Runs a program to its end, however that is.
  package static func outcome(
    of arguments: [String], within limit: Duration = .patience
  ) throws -> ChildProcess.Outcome {
    try ChildProcess(arguments).outcome(within: limit)
  }

  /// Runs a program to its end and fails unless it succeeds.
  @discardableResult
  package static func run(
    _ arguments: [String], within limit: Duration = .patience
  ) throws -> ChildProcess.Outcome {
    let outcome = try outcome(of: arguments, within: limit)
    guard outcome.exit == .code(0) else {
      throw TestFailure(
        "\(arguments[0]) ended with \(outcome.exit): \(outcome.text)\(outcome.errors)")
    }
    return outcome
  }

  /// Lends a directory that goes with the body.
  package static func withTemporaryDirectory<Value>(
    _ body: (String) throws -> Value
  ) throws -> Value {
    let directory = try TemporaryDirectory()
    return try withExtendedLifetime(directory) { try body(directory.path) }
  }
}
