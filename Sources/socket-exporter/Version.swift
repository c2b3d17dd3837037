internal import CBuildInfo
internal import Metrics

extension BuildInfo {
  /// This binary. The version is written here and nowhere else.
  static let current = BuildInfo(
    version: "0.1.0", revision: unsafe String(cString: socket_exporter_revision()),
    swift: swiftVersion)

  /// What `--version` prints.
  var line: String { "socket-exporter \(version) (revision \(revision), Swift \(swift))" }

  #if compiler(>=6.5)
    private static let swiftVersion = "6.5 or later"
  #elseif compiler(>=6.4)
    private static let swiftVersion = "6.4"
  #else
    private static let swiftVersion = "6.3"
  #endif
}
