import Glibc

/// An HTTP client that is one blocking socket: it sends exactly the bytes it is told, at the moment
/// it is told, so a test can be slow, rude or wrong. Nothing it does waits longer than its timeout.
package final class RawHTTPClient {
  /// A connection that could not be made, ended early, or carried something that is not HTTP.
  package struct Failure: Error, CustomStringConvertible {
    package let description: String
  }

  private let descriptor: Int32
  private var isOpen = true
  private var received: [UInt8] = []

  /// Connects over TCP.
  /// - Parameters:
  ///   - host: a numeric IPv4 or IPv6 address.
  ///   - receiveBufferBytes: SO_RCVBUF, to stall the sender early.
  ///   - timeoutSeconds: how long one read or write may take.
  package init(
    host: String = "127.0.0.1", port: UInt16, receiveBufferBytes: Int32? = nil,
    timeoutSeconds: Int = 20
  ) throws {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV
    var found: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, String(port), &hints, &found) == 0, let address = found else {
      throw Failure(description: "not an address: \(host)")
    }
    defer { freeaddrinfo(found) }
    descriptor = socket(
      address.pointee.ai_family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw Self.failure("socket") }
    if let receiveBufferBytes { set(SO_RCVBUF, to: receiveBufferBytes) }
    set(SO_RCVTIMEO, to: timeval(tv_sec: timeoutSeconds, tv_usec: 0))
    set(SO_SNDTIMEO, to: timeval(tv_sec: timeoutSeconds, tv_usec: 0))
    guard connect(descriptor, address.pointee.ai_addr, address.pointee.ai_addrlen) == 0 else {
      let failure = Self.failure("connect")
      Glibc.close(descriptor)
      isOpen = false
      throw failure
    }
  }

  deinit {
    close()
  }

  /// Closes the socket: an orderly end, or a reset where received bytes were not read.
  package func close() {
    if isOpen { Glibc.close(descriptor) }
    isOpen = false
  }

  /// Ends the connection with a reset.
  package func reset() {
    set(SO_LINGER, to: linger(l_onoff: 1, l_linger: 0))
    close()
  }

  /// Says that nothing more will be sent; reading goes on.
  package func finishSending() {
    shutdown(descriptor, Int32(SHUT_WR))
  }

  /// Sends all the bytes.
  package func send(_ bytes: [UInt8]) throws {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw Self.failure("send") }
      sent += count
    }
  }

  /// Sends all the text, in UTF-8.
  package func send(_ text: String) throws {
    try send(Array(text.utf8))
  }

  /// Sends a request without a body.
  package func request(
    _ method: String = "GET", _ target: String, headers: [(name: String, value: String)] = []
  ) throws {
    let lines = headers.map { "\($0.name): \($0.value)\r\n" }.joined()
    try send("\(method) \(target) HTTP/1.1\r\nHost: test\r\n\(lines)\r\n")
  }

  /// Reads one response and leaves what follows it for the next call.
  /// - Parameter bodyless: whether it answers HEAD, so that Content-Length announces nothing.
  package func readResponse(bodyless: Bool = false) throws -> RawHTTPResponse {
    var end = headEnd()
    while end == nil {
      guard try receive() else {
        throw Failure(
          description: "ended after \(received.count) bytes, before the head was complete")
      }
      end = headEnd()
    }
    let head = Array(received[..<(end ?? 0)])
    received.removeFirst(head.count + 4)
    var response = try RawHTTPResponse(head: head)
    guard !bodyless else { return response }
    guard let length = response.contentLength else {
      throw Failure(description: "no Content-Length: \(String(decoding: head, as: UTF8.self))")
    }
    while received.count < length {
      guard try receive() else {
        throw Failure(description: "ended after \(received.count) of \(length) bytes of the body")
      }
    }
    response.body = Array(received[..<length])
    received.removeFirst(length)
    return response
  }

  /// Reads until the server ends the connection, by a reset as well, and returns what came.
  package func readToEnd() throws -> [UInt8] {
    do {
      while try receive() {}
    } catch let failure as Failure where failure.description.hasPrefix("receive: reset") {
      // A server that does not read a request to its end resets the connection.
    }
    defer { received = [] }
    return received
  }

  private func headEnd() -> Int? {
    let end: [UInt8] = [0x0d, 0x0a, 0x0d, 0x0a]
    guard received.count >= 4 else { return nil }
    return (0...(received.count - 4)).first { received[$0..<($0 + 4)].elementsEqual(end) }
  }

  /// Receives some bytes; false at the end.
  private func receive() throws -> Bool {
    var buffer = [UInt8](repeating: 0, count: 256 << 10)
    while true {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      if count < 0 && errno == EINTR { continue }
      if count < 0 && errno == ECONNRESET { throw Failure(description: "receive: reset by peer") }
      guard count >= 0 else { throw Self.failure("receive") }
      received.append(contentsOf: buffer[..<count])
      return count > 0
    }
  }

  private func set<Value: BitwiseCopyable>(_ option: Int32, to value: Value) {
    var value = value
    setsockopt(descriptor, SOL_SOCKET, option, &value, socklen_t(MemoryLayout<Value>.size))
  }

  private static func failure(_ operation: String) -> Failure {
    Failure(description: "\(operation): \(String(cString: strerror(errno)))")
  }

  /// One request on a connection of its own.
  package static func fetch(
    _ method: String = "GET", _ target: String, host: String = "127.0.0.1", port: UInt16,
    headers: [(name: String, value: String)] = []
  ) throws -> RawHTTPResponse {
    let client = try RawHTTPClient(host: host, port: port)
    try client.request(method, target, headers: headers)
    return try client.readResponse(bodyless: method == "HEAD")
  }
}

/// What a server answered.
package struct RawHTTPResponse {
  /// The code of the status line.
  package let status: Int
  /// The headers in the order sent.
  package let headers: [(name: String, value: String)]
  /// The bytes that Content-Length announced; empty where it answers HEAD.
  package var body: [UInt8] = []

  init(head: [UInt8]) throws {
    let lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n")
    let words = lines.first?.split(separator: " ") ?? []
    guard words.count >= 2, words[0] == "HTTP/1.1" || words[0] == "HTTP/1.0",
      let status = Int(words[1])
    else {
      throw RawHTTPClient.Failure(description: "not a status line: \(lines.first ?? "")")
    }
    self.status = status
    headers = try lines.dropFirst().map { line in
      guard let colon = line.firstIndex(of: ":") else {
        throw RawHTTPClient.Failure(description: "not a header: \(line)")
      }
      let value = line[line.index(after: colon)...].drop { $0 == " " }
      return (name: String(line[..<colon]), value: String(value))
    }
  }

  /// The body as text.
  package var text: String { String(decoding: body, as: UTF8.self) }

  /// The first header of this name; its case does not matter.
  package subscript(header: String) -> String? {
    headers.first { $0.name.lowercased() == header.lowercased() }?.value
  }

  /// The length that the head announces.
  package var contentLength: Int? { self["Content-Length"].flatMap { Int($0) } }
}
