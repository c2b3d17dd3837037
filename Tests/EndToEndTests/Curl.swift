import TestSupport
import Testing

/// What curl gets from an exporter on this host's loopback interface.
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

  let port: Int

  init(_ exporter: RunningExporter) {
    port = exporter.port
  }

  /// Asks for a path with these arguments of curl.
  func get(_ path: String = "/metrics", _ arguments: String...) throws -> Answer {
    try Answer(
      Tools.run(["curl", "-sSi", "--max-time", "30"] + arguments + [url(path)]).output)
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

  /// A server that has its first sample.
  static func serve(_ arguments: String...) throws -> (exporter: RunningExporter, client: Curl) {
    let exporter = try Exporter.serve(arguments)
    let client = Curl(exporter)
    _ = try eventually("the exporter is ready", within: .seconds(30)) {
      try client.get("/-/ready").status == 200 ? true : nil
    }
    return (exporter, client)
  }
}
