import HTTPServer
import TestSupport
import Testing

@Suite struct RequestTests {
  @Test func getIsAnswered() throws {
    let server = try TestServer()
    let response = try server.fetch("GET", "/plain")
    #expect(response.status == 200)
    #expect(response.text == "plain\n")
    #expect(response["Content-Type"] == "text/plain; charset=utf-8")
    #expect(response["Content-Length"] == "6")
    #expect(response["X-Content-Type-Options"] == "nosniff")
    #expect(response["Date"] != nil)
  }

  @Test func headIsGetWithoutTheBody() throws {
    let server = try TestServer()
    let client = try server.client()
    try client.request("HEAD", "/plain")
    let head = try client.readResponse(bodyless: true)
    #expect(head.status == 200)
    #expect(head.contentLength == 6)
    // Whatever had followed the head would be taken for the beginning of the next response.
    try client.request("GET", "/plain")
    #expect(try client.readResponse().text == "plain\n")
    #expect(try server.fetch("HEAD", "/none").status == 404)
  }

  @Test(arguments: ["/none", "/", "/plain/", "//plain", "/PLAIN", "*", "/plain%00", "/..%2fplain"])
  func anUnknownPathIs404(path: String) throws {
    let server = try TestServer()
    #expect(try server.fetch("GET", path).status == 404)
    #expect(try server.fetch("POST", path).status == 404)
  }

  @Test(arguments: ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "get", "X"])
  func anotherMethodIs405WithAllow(method: String) throws {
    let server = try TestServer()
    let response = try server.fetch(method, "/plain")
    #expect(response.status == 405)
    #expect(response["Allow"] == "GET, HEAD")
  }

  @Test func aPathIsDecodedBeforeItIsCompared() throws {
    let server = try TestServer()
    #expect(try server.fetch("GET", "/%70l%61in?x=1").status == 200)
    #expect(try server.fetch("GET", "/pl%6").status == 404)
  }

  @Test(arguments: [
    ("", "[]"), ("?", "[]"), ("?a", "[a]"), ("?a=", "[a=]"), ("?=a", "[=a]"),
    ("?collect[]=a&collect[]=b", "[collect[]=a, collect[]=b]"),
    ("?collect%5B%5D=tcp&exclude%5b%5d=zombie", "[collect[]=tcp, exclude[]=zombie]"),
    ("?a+b=c+d", "[a b=c d]"), ("?a=%2B%26%3D%25", "[a=+&=%]"), ("?a=%", "[a=%]"),
    ("?a=%4", "[a=%4]"), ("?a=%zz", "[a=%zz]"), ("?a=%41%4", "[a=A%4]"), ("?a=%ff", "[a=\u{fffd}]"),
    ("?a=%e2%82%ac", "[a=€]"), ("?a=b%00c", "[a=b\0c]"), ("?a=1&a=2&b", "[a=1, a=2, b]"),
    ("?a=b=c", "[a=b=c]"), ("?a=x?y", "[a=x?y]"),
  ])
  func theQueryIsDecoded(target: String, expected: String) throws {
    let server = try TestServer(routes: [
      Router.Route("/query") { request in
        let items = request.query.map { item in
          item.value.map { "\(item.name)=\($0)" } ?? item.name
        }
        return HTTPResponse(.ok, text: "[\(items.joined(separator: ", "))]")
      }
    ])
    let response = try server.fetch("GET", "/query\(target)")
    #expect(response.status == 200)
    #expect(response.text == expected)
  }

  @Test(
    arguments: [
      ([], "nil"),
      ([("Accept", "text/plain")], "text/plain"),
      ([("aCCePT", "*/*")], "*/*"),
      ([("Accept", "a;q=0.5"), ("X-Accept", "no"), ("accept", "b, c")], "a;q=0.5, b, c"),
      ([("Accept", "  padded\t")], "padded"),
      ([("Accept-Encoding", "gzip")], "nil"),
      ([("Accept", "caf\u{e9}")], "caf\u{e9}"),
      (
        [
          (
            "Accept",
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,*/*;q=0.2"
          )
        ], "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,*/*;q=0.2"
      ),
    ] as [([(name: String, value: String)], String)])
  func repeatedHeadersAreOneList(headers: [(name: String, value: String)], expected: String) throws
  {
    let server = try TestServer(routes: [
      Router.Route("/accept") { HTTPResponse(.ok, text: $0.header("Accept") ?? "nil") }
    ])
    let response = try server.fetch("GET", "/accept", headers: headers)
    #expect(response.text.trimmingTrailingSpace() == expected)
  }

  @Test func aHandlerSeesMethodAndPeer() throws {
    let server = try TestServer(routes: [
      Router.Route("/who") {
        HTTPResponse(.ok, text: "\($0.method) \($0.isLoopbackPeer) \($0.path)")
      }
    ])
    #expect(try server.fetch("GET", "/who").text == "get true /who")
    #expect(try server.fetch("HEAD", "/who").contentLength == "head true /who".count)
  }

  @Test func aMappedIPv4AddressIsALoopbackPeer() throws {
    let server = try TestServer(
      ":0",
      routes: [Router.Route("/who") { HTTPResponse(.ok, text: "\($0.isLoopbackPeer)") }])
    #expect(try server.fetch("GET", "/who").text == "true")
  }

  @Test func connectionsAreKeptAliveAndRequestsPipelined() throws {
    let server = try TestServer()
    let client = try server.client()
    for _ in 0..<50 {
      try client.request("GET", "/plain")
      #expect(try client.readResponse().text == "plain\n")
    }
    let targets = ["/plain", "/none", "/plain?x=1", "/plain", "/none"]
    try client.send(targets.map { "GET \($0) HTTP/1.1\r\nHost: t\r\n\r\n" }.joined())
    let statuses = try targets.map { _ in try client.readResponse().status }
    #expect(statuses == [200, 404, 200, 200, 404])
    try client.request("GET", "/plain", headers: [("Connection", "close")])
    #expect(try client.readResponse()["Connection"] == "close")
    #expect(try client.readToEnd().isEmpty)
  }

  @Test func http10IsAnsweredAndClosed() throws {
    let server = try TestServer()
    let client = try server.client()
    try client.send("GET /plain HTTP/1.0\r\n\r\n")
    let bytes = try client.readToEnd()
    #expect(String(decoding: bytes, as: UTF8.self).hasSuffix("\r\n\r\nplain\n"))
  }

  @Test func aRequestMayComeByteByByte() throws {
    let server = try TestServer()
    let client = try server.client()
    for byte in "GET /plain?a=b HTTP/1.1\r\nHost: test\r\nAccept: */*\r\n\r\n".utf8 {
      try client.send([byte])
      sleepMilliseconds(2)
    }
    #expect(try client.readResponse().text == "plain\n")
  }

  @Test func aClientThatFinishedSendingStillGetsItsAnswer() throws {
    let server = try TestServer()
    let client = try server.client()
    try client.request("GET", "/plain")
    client.finishSending()
    #expect(try client.readResponse().text == "plain\n")
    #expect(try client.readToEnd().isEmpty)
  }

  @Test func headersOfAResponseAreSent() throws {
    let gzip = HTTPResponse(
      contentType: "application/openmetrics-text; version=1.0.0; charset=utf-8",
      headers: [HTTPHeader("Content-Encoding", "gzip"), HTTPHeader("Vary", "Accept")],
      body: HTTPBody([0x1f, 0x8b, 0, 255]))
    let server = try TestServer(routes: [Router.Route("/gzip") { _ in gzip }])
    let response = try server.fetch("GET", "/gzip")
    #expect(response["Content-Encoding"] == "gzip")
    #expect(response["Vary"] == "Accept")
    #expect(
      response["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8")
    #expect(response.body == [0x1f, 0x8b, 0, 255])
  }

  @Test func aHeaderCannotCarryAnother() {
    #expect(HTTPHeader(name: "Strict-Transport-Security", value: "max-age=1") != nil)
    #expect(HTTPHeader(name: "X", value: "a\r\nSet-Cookie: b") == nil)
    #expect(HTTPHeader(name: "X", value: "") == nil)
    #expect(HTTPHeader(name: "X Y", value: "a") == nil)
    #expect(HTTPHeader(name: "", value: "a") == nil)
    #expect(HTTPHeader(name: "content-length", value: "5") == nil)
  }

  @Test func anEmptyBodyIsSent() throws {
    let empty = HTTPResponse(contentType: "text/plain", body: HTTPBody([]))
    let server = try TestServer(routes: [Router.Route("/empty") { _ in empty }])
    let client = try server.client()
    for _ in 0..<3 {
      try client.request("GET", "/empty")
      #expect(try client.readResponse().contentLength == 0)
    }
  }

  @Test func requestsAreCountedByStatus() throws {
    let server = try TestServer()
    #expect(server.server.statistics.requests(.ok) == 0)
    _ = try server.fetch("GET", "/plain")
    _ = try server.fetch("GET", "/none")
    _ = try server.fetch("HEAD", "/plain")
    _ = try server.fetch("POST", "/plain")
    let statistics = server.server.statistics
    #expect(statistics.requests(.ok) == 2)
    #expect(statistics.requests(.notFound) == 1)
    #expect(statistics.requests(.methodNotAllowed) == 1)
    #expect(HTTPRejection.allCases.allSatisfy { statistics.rejected($0) == 0 })
  }
}

extension String {
  fileprivate func trimmingTrailingSpace() -> String {
    var text = self
    while let last = text.last, last == " " || last == "\t" { text.removeLast() }
    return text
  }
}
