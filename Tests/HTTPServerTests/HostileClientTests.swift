import HTTPServer
import TestSupport
import Testing

@Suite struct HostileClientTests {
  @Test(
    arguments: [
      "GARBAGE\r\n\r\n", "GET\r\n\r\n", " / HTTP/1.1\r\n\r\n", "GET /plain\r\n\r\n",
      "GET /plain HTTP\r\n\r\n", "GET /plain HTP/1.1\r\n\r\n", "GET /plain HTTP/1\r\n\r\n",
      "GET /plain http/1.1\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\n\n",
      "GET /plain HTTP/1.1\r\nno colon\r\n\r\n",
      "GET /plain HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
      "GET /plain HTTP/1.1\r\nContent-Length: abc\r\n\r\n",
      "GET /plain HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "\r\n\r\nGARBAGE\r\n",
    ] as [Sent])
  func aMalformedRequestIs400(request: Sent) throws {
    let server = try TestServer()
    let client = try server.client()
    try client.send(request.text)
    #expect(try client.readResponse().status == 400)
    _ = try client.readToEnd()
    #expect(eventually { server.server.statistics.rejected(.malformed) == 1 })
    #expect(server.server.statistics.requests(.badRequest) == 1)
    #expect(try server.fetch("GET", "/plain").status == 200)
  }

  @Test(arguments: [
    ("GET /plain HTTP/2.0\r\n\r\n", 505), ("GET /plain HTTP/9.9\r\n\r\n", 505),
    ("GET /plain HTTP/0.9\r\n\r\n", 505), ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    ("GET /plain HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", 413),
  ])
  func whatIsNotSupportedIsToldSo(request: Sent, status: Int) throws {
    let server = try TestServer()
    let client = try server.client()
    try client.send(request.text)
    #expect(try client.readResponse().status == status)
    #expect(try server.fetch("GET", "/plain").status == 200)
  }

  @Test(
    arguments: [
      "GET /pl\0ain HTTP/1.1\r\n\r\n", "GE\0T /plain HTTP/1.1\r\n\r\n",
      "GET /plain HTTP/1.1\r\nHo\0st: a\r\n\r\n", "GET /plain HTTP/1.1\r\nHost: a\0b\r\n\r\n",
      "GET /plain?\0=\0 HTTP/1.1\r\n\r\n", "GET  HTTP/1.1\r\n\r\n",
      "GET /plain HTTP/1.1\r\n folded: a\r\n\r\n",
      "GET /plain HTTP/1.1\r\nA: b\r\n c\r\n\td\r\n\r\n",
      "GET /plain HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
      "GET /plain HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\nabc",
      "GET /plain HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "GET /a b c HTTP/1.1\r\n\r\n", "GET http://test/plain HTTP/1.1\r\n\r\n",
    ] as [Sent])
  func anOddRequestIsAnsweredSomehow(request: Sent) throws {
    let server = try TestServer()
    let client = try server.client()
    try client.send(request.text)
    #expect([200, 400, 404, 405].contains(try client.readResponse().status))
    #expect(try server.fetch("GET", "/plain").status == 200)
  }

  @Test(
    arguments: [
      "GET /\(repeated("a", 200_000)) HTTP/1.1\r\n\r\n", "\(repeated("a", 200_000))",
      "GET /plain?\(repeated("a=b&", 50_000)) HTTP/1.1\r\n\r\n",
      "GET /plain HTTP/1.1\r\nA: \(repeated("b", 200_000))\r\n\r\n",
      "GET /plain HTTP/1.1\r\n\(repeated("A: b\r\n", 5000))\r\n",
      "GET /plain HTTP/1.1\r\nA: b\r\n\(repeated(" c\r\n", 20_000))\r\n",
    ] as [Sent])
  func aHugeHeadIs4xx(request: Sent) throws {
    let server = try TestServer()
    let client = try server.client()
    try? client.send(request.text)
    let response = try client.readResponse()
    #expect([400, 413, 414, 431].contains(response.status))
    #expect(try server.fetch("GET", "/plain").status == 200)
    #expect(server.server.statistics.rejected(.malformed) >= 1)
  }

  /// The library takes a line that begins with NUL for an empty one, and forgets to answer a query
  /// with more items than its memory holds; both are told when the time is over.
  @Test(
    arguments: [
      "\0\0\0\0\n", "\0 \0 HTTP/1.1\r\n\r\n",
      "GET /plain?\(repeated("a&", 5000)) HTTP/1.1\r\n\r\n",
    ] as [Sent])
  func whatTheLibraryIgnoresIsTimedOut(request: Sent) throws {
    let server = try TestServer(configure: { $0.idleTimeout = .seconds(3) })
    let client = try server.client()
    try client.send(request.text)
    #expect(try client.readResponse().status == 408)
    #expect(try server.fetch("GET", "/plain").status == 200)
  }

  @Test(arguments: [
    "Content-Length: 10485760", "Transfer-Encoding: chunked",
    "Content-Length: 10485760\r\nExpect: 100-continue",
  ])
  func aLargeBodyIsRefusedWithoutReadingIt(header: String) throws {
    let server = try TestServer()
    for target in ["/plain", "/none"] {
      let client = try server.client()
      try client.send("POST \(target) HTTP/1.1\r\nHost: t\r\n\(header)\r\n\r\n")
      // The server may end the connection at any point of this.
      let chunk = Array("100000\r\n".utf8) + [UInt8](repeating: 0x61, count: 1 << 20) + [13, 10]
      for _ in 0..<10 {
        guard (try? client.send(chunk)) != nil else { break }
      }
      let response = try client.readResponse()
      #expect(response.status == (target == "/plain" ? 405 : 404))
      client.close()
    }
    #expect(try server.fetch("GET", "/plain").status == 200)
  }

  @Test func aBodyThatNeverComesIsNotWaitedFor() throws {
    let server = try TestServer()
    let client = try server.client()
    try client.send("PUT /plain HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000\r\n\r\n")
    #expect(try client.readResponse().status == 405)
    #expect(try client.readToEnd().isEmpty)
  }

  @Test func aBodyOfAGetIsNotTakenForTheNextRequest() throws {
    let server = try TestServer()
    let client = try server.client()
    let body = "GET /none HTTP/1.1\r\n\r\n"
    try client.send("GET /plain HTTP/1.1\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
    #expect(try client.readResponse().status == 200)
    #expect(try client.readToEnd().isEmpty)
  }

  @Test func aPostWithoutBodyKeepsTheConnection() throws {
    let server = try TestServer()
    let client = try server.client()
    for _ in 0..<3 {
      try client.request("POST", "/plain", headers: [("Content-Length", "0")])
      #expect(try client.readResponse().status == 405)
    }
  }

  @Test func aClientThatResetsItsConnectionHarmsNobody() throws {
    let server = try TestServer()
    for round in 0..<60 {
      let client = try server.client(receiveBufferBytes: 4096)
      switch round % 3 {
      case 0: try client.request("GET", "/huge")
      case 1: try client.send("GET /pla")
      default: try client.send(String(repeating: "GET /plain HTTP/1.1\r\n\r\n", count: 100))
      }
      if round % 2 == 0 { sleepMilliseconds(1) }
      client.reset()
    }
    #expect(try server.fetch("GET", "/plain").status == 200)
  }

  @Test func randomBytesDoNotStopTheServer() throws {
    let server = try TestServer(configure: { $0.idleTimeout = .seconds(3) })
    var random = SplitMix(state: 9477)
    let valid = Array("GET /plain?a=%41 HTTP/1.1\r\nHost: t\r\nAccept: a, b\r\n\r\n".utf8)
    for round in 0..<400 {
      var bytes = valid
      if round % 4 == 0 {
        bytes = (0..<Int.random(in: 1...300, using: &random)).map { _ in
          UInt8.random(in: 0...255, using: &random)
        }
      } else {
        for _ in 0..<Int.random(in: 1...4, using: &random) {
          let position = Int.random(in: 0..<bytes.count, using: &random)
          switch Int.random(in: 0..<3, using: &random) {
          case 0: bytes[position] = UInt8.random(in: 0...255, using: &random)
          case 1: bytes.insert(UInt8.random(in: 0...255, using: &random), at: position)
          default: bytes.remove(at: position)
          }
        }
      }
      let client = try server.client()
      try? client.send(bytes)
      client.finishSending()
      if round % 8 == 0 { _ = try client.readToEnd() }
    }
    #expect(try server.fetch("GET", "/plain").status == 200)
  }
}

private func repeated(_ text: String, _ count: Int) -> String {
  String(repeating: text, count: count)
}

/// What a client sends, shown short and without control characters in a test's name.
struct Sent: ExpressibleByStringLiteral, ExpressibleByStringInterpolation, Sendable,
  CustomTestStringConvertible
{
  let text: String

  init(stringLiteral text: String) {
    self.text = text
  }

  var testDescription: String {
    String(
      text.unicodeScalars.prefix(60).map { $0.isASCII && $0.value > 0x1f ? Character($0) : "." })
  }
}

/// The same numbers in every run.
private struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
