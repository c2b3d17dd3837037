internal import ArgumentParser
internal import HTTPServer

/// How to serve.
struct WebOptions: ParsableArguments {
  @Option(
    name: .customLong("web.listen-address"), parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Address to listen on: ':9477' (all, IPv4 and IPv6), '127.0.0.1:9477', '[::1]:9477'. Repeatable. (default: :9477)",
      valueName: "address"),
    transform: { try ListenAddress(parsing: $0) })
  var listenAddresses: [ListenAddress] = []

  @Flag(
    name: .customLong("web.systemd-socket"),
    help: "Serve the listening sockets that systemd passes, instead of --web.listen-address.")
  var usesPassedSockets = false

  @Option(
    name: .customLong("web.telemetry-path"), parsing: .unconditional,
    help: ArgumentHelp("Path of the metrics. (default: /metrics)", valueName: "path"),
    transform: { try parseTelemetryPath($0) })
  var telemetryPath = "/metrics"

  @Option(
    name: .customLong("web.max-requests"), parsing: .unconditional,
    help: ArgumentHelp(
      "Requests answered at the same time; the next one gets 503. (default: 40)", valueName: "count"
    ),
    transform: { try parseCount($0, in: 1...100_000) })
  var maxRequests = 40

  @Option(
    name: .customLong("web.max-connections"), parsing: .unconditional,
    help: ArgumentHelp("Connections open at the same time. (default: 512)", valueName: "count"),
    transform: { try parseCount($0, in: 1...100_000) })
  var maxConnections = 512

  @Flag(
    name: .customLong("web.disable-exporter-metrics"),
    help: "Leave out metrics about the exporter itself (socket_exporter_*, process_*).")
  var disablesExporterMetrics = false

  func validate() throws {
    guard !usesPassedSockets || listenAddresses.isEmpty else {
      throw ValidationError(
        "--web.systemd-socket and --web.listen-address exclude each other: the sockets that systemd passes are bound already"
      )
    }
  }

  /// What the server is told. Takes over the passed sockets where they are asked for, so it works once.
  func makeConfiguration() throws -> HTTPServer.Configuration {
    var configuration = HTTPServer.Configuration(addresses: listenAddresses)
    if usesPassedSockets {
      configuration.passedSockets = try PassedSockets.take()
    } else if listenAddresses.isEmpty {
      configuration.addresses = [try ListenAddress(parsing: ":9477")]
    }
    configuration.maximumRequests = maxRequests
    configuration.maximumConnections = maxConnections
    return configuration
  }
}

private func parseTelemetryPath(_ path: String) throws -> String {
  let isPlain = path.utf8.allSatisfy { byte in
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "/-._~".utf8.contains(byte)
    }
  }
  guard isPlain, path.hasPrefix("/"), path != "/", !path.hasPrefix("/-/"), !path.contains("//")
  else {
    throw ValidationError(
      "expected a path such as /metrics, of letters, digits and -._~/, neither / nor below /-/")
  }
  return path
}
