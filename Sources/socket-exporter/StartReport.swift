internal import HTTPServer
internal import Logging
internal import Metrics
internal import ProcFS
internal import SocketModel

/// The one line at the start: what the exporter found and what it will do.
struct StartReport: Sendable {
  let addresses: [ListenAddress]
  let interval: String
  let collectors: [Collector]

  func log(_ snapshot: Snapshot, to logger: Logger) {
    let privileges = try? Privileges.ofThisProcess()
    logger.info(
      "started",
      metadata: [
        "version": "\(BuildInfo.current.version)",
        "address": "\(addresses.map(\.description).joined(separator: ","))",
        "backend": "\(snapshot.backend.map { "\($0.label)" } ?? "unknown")",
        "kernel": "\((try? KernelRelease.read()) ?? "unknown")",
        "uid": "\(privileges.map { String($0.userID) } ?? "unknown")",
        "capabilities": "\(privileges?.description ?? "unknown")",
        "interval": "\(interval)",
        "collectors": "\(collectors.map(\.name.description).joined(separator: ","))",
        "processes_unreadable": "\(snapshot.process.map { String($0.unreadable) } ?? "unknown")",
      ])
  }
}
