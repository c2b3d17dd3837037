internal import Foundation

/// The programs that were built with the tests.
package enum BuiltProducts {
  /// The path of a program beside the test runner, in SwiftPM's build directory.
  package static func path(_ name: String) -> String {
    directory + "/" + name
  }

  private static let directory: String = {
    let runner = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
    return URL(filePath: runner ?? CommandLine.arguments[0]).deletingLastPathComponent().path()
  }()
}
