import Foundation
import TestSupport

/// The man page and the completions that `packaging/documents` makes of the exporter under test.
enum CommandDocuments {
  static let page = "socket-exporter.1"

  /// Lends a directory with all of them, dated the first day of 1970.
  static func with<Value: Sendable>(
    _ body: @Sendable (String) throws -> Value
  ) async throws -> Value {
    try await onBlockingThread {
      try Tools.withTemporaryDirectory { directory in
        try Tools.run(
          [
            "env", "SOURCE_DATE_EPOCH=0", Repository.path("packaging/documents"), Exporter.path,
            directory,
          ], within: .seconds(600))
        return try body(directory)
      }
    }
  }

  /// The names of all options in the help of a command, as somebody reads them there.
  static func options(of command: String) throws -> Set<String> {
    let help = try Exporter.run([command, "--help"], within: .seconds(600)).text
    let columns = help.matches(of: /(?m)^  (-.*?)(  .*)?$/).map(\.1)
    return Set(columns.flatMap { $0.matches(of: /--?[a-z][a-z.-]*/).map { String($0.output) } })
  }
}
