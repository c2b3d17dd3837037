import Glibc
import HTTPServer
import TestSupport

/// A server on a free loopback port with the routes that the tests need.
final class TestServer: Sendable {
  let server: HTTPServer
  let port: UInt16

  /// So large that the kernel cannot take it for a client that does not read.
  static let hugeCount = 48 << 20

  private static let huge = HTTPResponse(
    contentType: "text/plain", body: HTTPBody([UInt8](repeating: 0x78, count: hugeCount)))

  init(
    _ address: String = "127.0.0.1:0",
    configure: (inout HTTPServer.Configuration) -> Void = { _ in },
    routes: [Router.Route] = []
  ) throws {
    var configuration = HTTPServer.Configuration(addresses: [try ListenAddress(parsing: address)])
    configure(&configuration)
    let plain = HTTPResponse(.ok, text: "plain\n")
    let router = Router(
      [
        Router.Route("/plain") { _ in plain },
        Router.Route("/huge") { _ in Self.huge },
      ] + routes)
    server = HTTPServer(configuration: configuration) { router.respond(to: $0) }
    try server.start()
    port = server.boundAddresses.first?.port ?? 0
  }

  /// A server on a port that the kernel gives to nobody by itself: no other test is given it when this
  /// server has ended, or has it on another address.
  ///
  /// - Parameter ports: what to choose from; below the range of `net.ipv4.ip_local_port_range`.
  static func onPrivatePort(
    _ host: String = "127.0.0.1", from ports: Range<Int> = 10_000..<20_000
  ) throws -> TestServer {
    for _ in 0..<100 {
      let port = Int.random(in: ports)
      if let server = try? TestServer("\(host):\(port)") { return server }
    }
    throw TestFailure("no port of \(ports) is free on \(host)")
  }

  deinit {
    server.stop()
  }

  func client(receiveBufferBytes: Int32? = nil) throws -> RawHTTPClient {
    try RawHTTPClient(port: port, receiveBufferBytes: receiveBufferBytes)
  }

  func fetch(
    _ method: String = "GET", _ target: String, headers: [(name: String, value: String)] = []
  ) throws -> RawHTTPResponse {
    try RawHTTPClient.fetch(method, target, port: port, headers: headers)
  }

  /// Clients that ask for more than the kernel buffers and read nothing.
  func stalledReaders(_ count: Int) throws -> [RawHTTPClient] {
    try (0..<count).map { _ in
      let client = try client(receiveBufferBytes: 4096)
      try client.request("GET", "/huge")
      return client
    }
  }
}

/// Waits until the condition holds; returns whether it does.
func eventually(_ condition: () -> Bool) -> Bool {
  let deadline = Deadline(after: .patience)
  while !condition() {
    if deadline.hasPassed { return condition() }
    usleep(10_000)
  }
  return true
}

/// How many TCP sockets have this local port and state (the kernel's number: 8 is CLOSE_WAIT), read
/// from /proc/self/net/tcp and tcp6.
func socketCount(localPort: UInt16, state: Int) -> Int {
  ["/proc/self/net/tcp", "/proc/self/net/tcp6"].reduce(0) { sum, path in
    sum
      + lines(of: path).count { line in
        let fields = line.split(separator: " ")
        guard fields.count > 3, let port = fields[1].split(separator: ":").last else {
          return false
        }
        return UInt16(port, radix: 16) == localPort && Int(fields[3], radix: 16) == state
      }
  }
}

private func lines(of path: String) -> [Substring] {
  guard let file = fopen(path, "r") else { return [] }
  defer { fclose(file) }
  var text: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 64 << 10)
  while case let count = fread(&buffer, 1, buffer.count, file), count > 0 {
    text.append(contentsOf: buffer[..<count])
  }
  return String(decoding: text, as: UTF8.self).split(separator: "\n")
}

func sleepMilliseconds(_ count: UInt32) {
  usleep(count * 1000)
}
