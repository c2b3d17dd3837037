import TestSupport
import Testing

/// What curl gets from an exporter.
struct Curl {
  struct Answer {
    let status: Int
    /// By name in lower case.
    let headers: [String: String]
    let body: [UInt8]

    /// Reads what `curl -i` prints.
    fileprivate init(_ bytes: [UInt8]) throws {
      guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else {
        throw TestFailure("an answer without an end of its head")
      }
      let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
      let words = lines.first?.split(separator: " ") ?? []
      guard words.count >= 2, let status = Int(words[1]) else {
        throw TestFailure("no status: \(lines)")
      }
      self.status = status
      let fields = lines.dropFirst().map { line in
        let name = line.prefix { $0 != ":" }
        return (name.lowercased(), String(line.dropFirst(name.count + 1).trimmingPrefix(" ")))
      }
      headers = Dictionary(fields) { first, second in first + ", " + second }
      body = Array(bytes[end.upperBound...])
    }

    var contentType: String? { headers["content-type"] }
  }

  static let isInstalled = Tools.areInstalled("curl")
  static let unavailability: Comment = "needs curl"

  private let port: Int
  /// Where the exporter runs; nil for the real host.
  private let host: TestHost?

  init(_ exporter: RunningExporter, on host: TestHost?) {
    port = exporter.port
    self.host = host
  }

  /// Asks for a path with these arguments of curl.
  func get(_ path: String = "/metrics", _ arguments: String...) throws -> Answer {
    let command = ["curl", "-sSi", "--max-time", "30"] + arguments + [url(path)]
    let outcome = try host?.run(command) ?? Tools.run(command)
    guard outcome.exit == .code(0) else { throw TestFailure("curl: \(outcome.errors)") }
    return try Answer(outcome.output)
  }

  /// A command that asks for the page so many times, over so many connections at a time, and leaves
  /// each answer in a file of its own. It fails where any transfer does.
  func command(
    times: Int, connections: Int, into directory: String, _ arguments: [String]
  ) -> [String] {
    // The number is in the part of the address that is not sent.
    ["curl", "-sSf", "--max-time", "60", "-Z", "--parallel-max", "\(connections)"] + arguments
      + ["-o", directory + "/#1", url("/metrics") + "#[1-\(times)]"]
  }

  private func url(_ path: String) -> String { "http://127.0.0.1:\(port)\(path)" }

  /// Lends a client of an exporter that has its first sample. The exporter runs on a host of the
  /// test's own where that can be, so that nothing here slows it down, else on the real one.
  ///
  /// - Parameter prepare: does something on the test's host before the exporter starts.
  static func withExporter<Value: Sendable>(
    interval: String = "5s", prepare: @Sendable (TestHost) throws -> Void = { _ in },
    _ body: @Sendable (Curl) throws -> Value
  ) async throws -> Value {
    if TestHost.isAvailable {
      return try await TestHost.run { host in
        try prepare(host)
        let client = Curl(try host.serve("--collect.interval", interval), on: host)
        try client.awaitFirstSample()
        return try body(client)
      }
    }
    return try await onBlockingThread {
      let exporter = try Exporter.serve(["--collect.interval", interval])
      defer { exporter.process.end() }
      let client = Curl(exporter, on: nil)
      try client.awaitFirstSample()
      return try body(client)
    }
  }

  private func awaitFirstSample() throws {
    _ = try eventually("the exporter is ready") {
      try get("/-/ready").status == 200 ? true : nil
    }
  }
}
