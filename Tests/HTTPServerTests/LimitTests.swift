import HTTPServer
import TestSupport
import Testing

private let closeWait = 8

@Suite struct LimitTests {
  @Test func aboveMaxRequestsIs503() throws {
    let server = try TestServer(configure: {
      $0.maximumRequests = 3
      $0.idleTimeout = .patience
    })
    let stalled = try server.stalledReaders(3)
    #expect(eventually { server.server.statistics.requests(.ok) == 3 })
    let client = try server.client()
    for _ in 0..<2 {
      try client.request("GET", "/plain")
      let response = try client.readResponse()
      #expect(response.status == 503)
      #expect(response["Retry-After"] == "1")
      #expect(
        response.text == "503 more than 3 requests are being answered, try again later\n")
    }
    #expect(server.server.statistics.rejected(.maxRequests) == 2)
    #expect(server.server.statistics.requests(.serviceUnavailable) == 2)
    stalled[0].reset()
    #expect(eventually { (try? server.fetch("GET", "/plain").status) == 200 })
  }

  @Test func aSlowReaderGetsEveryByte() throws {
    let server = try TestServer(configure: { $0.idleTimeout = .patience })
    let reader = try server.client()
    try reader.request("GET", "/huge")
    sleepMilliseconds(50)
    let response = try reader.readResponse()
    let isWhole = response.body == [UInt8](repeating: 0x78, count: TestServer.hugeCount)
    #expect(isWhole)
    // The request no longer counts as open.
    #expect(try server.fetch("GET", "/plain").status == 200)
  }

  @Test func aboveMaxConnectionsIs503AndTheOthersAreServed() throws {
    let server = try TestServer(configure: {
      $0.maximumConnections = 2
      $0.idleTimeout = .patience
    })
    let first = [try server.client(), try server.client()]
    for client in first {
      try client.request("GET", "/plain")
      #expect(try client.readResponse().status == 200)
    }
    let third = try server.client()
    try third.request("GET", "/plain")
    let response = try third.readResponse()
    #expect(response.status == 503)
    #expect(response["Connection"] == "close")
    #expect(response["Retry-After"] == "1")
    #expect(response.text == "503 more than 2 connections are open, try again later\n")
    #expect(try third.readToEnd().isEmpty)
    #expect(server.server.statistics.rejected(.maxConnections) == 1)
    for client in first {
      try client.request("GET", "/plain")
      #expect(try client.readResponse().status == 200)
    }
    first[0].close()
    #expect(eventually { (try? server.fetch("GET", "/plain").status) == 200 })
  }

  @Test func aFloodOfConnectionsIsClosedAtOnce() throws {
    let server = try TestServer(configure: {
      $0.maximumConnections = 2
      $0.idleTimeout = .patience
    })
    let clients = try (0..<40).map { _ in try server.client() }
    // 2 are served and 16 would be told 503; the others have been closed without a request.
    #expect(eventually { server.server.statistics.rejected(.maxConnections) == 22 })
    try clients[0].request("GET", "/plain")
    #expect(try clients[0].readResponse().status == 200)
    #expect(try clients[39].readToEnd().isEmpty)
  }

  @Test func whoeverStallsIsTimedOut() throws {
    let server = try TestServer(configure: { $0.idleTimeout = .seconds(3) })
    let silent = try server.client()
    let halfway = try server.client()
    try halfway.send("GET /plain HTTP/1.1\r\nHost: t\r\nAcce")
    let idle = try server.client()
    try idle.request("GET", "/plain")
    #expect(try idle.readResponse().status == 200)
    let reader = try server.stalledReaders(1)[0]

    #expect(try silent.readToEnd().isEmpty)
    #expect(try halfway.readResponse().status == 408)
    #expect(try idle.readToEnd().isEmpty)
    #expect(eventually { server.server.statistics.rejected(.timeout) == 2 })
    #expect(server.server.statistics.requests(.requestTimeout) == 1)
    #expect(try reader.readToEnd().count < TestServer.hugeCount)
    #expect(eventually { socketCount(localPort: server.port, state: 1) == 0 })
    #expect(try server.fetch("GET", "/plain").status == 200)
  }

  @Test func noSocketIsLeftInCloseWait() throws {
    let server = try TestServer(configure: { $0.idleTimeout = .seconds(3) })
    var clients = try server.stalledReaders(3)
    for request in ["", "GET /pl", "GET /plain HTTP/1.1\r\n\r\n", "GARBAGE\r\n"] {
      let client = try server.client()
      try client.send(request)
      clients.append(client)
    }
    for client in clients { client.finishSending() }
    // The clients keep their ends open: only the server can end these connections.
    #expect(eventually { socketCount(localPort: server.port, state: closeWait) == 0 })
    #expect(eventually { socketCount(localPort: server.port, state: 1) == 0 })
  }

  @Test func stopIsQuickWhateverTheClientsDo() throws {
    let duration = try shortestTime(below: .seconds(2)) {
      let server = try TestServer.onPrivatePort()
      var clients = try server.stalledReaders(10)
      for _ in 0..<10 {
        clients.append(try server.client())
        let halfway = try server.client()
        try halfway.send("GET /plain HTTP/1.1\r\nHost")
        clients.append(halfway)
        let idle = try server.client()
        try idle.request("GET", "/plain")
        #expect(try idle.readResponse().status == 200)
        clients.append(idle)
      }
      #expect(eventually { server.server.statistics.requests(.ok) == 20 })
      let duration = ContinuousClock().measure { server.server.stop() }
      // An unfinished request is not called malformed because the server stopped.
      #expect(server.server.statistics.rejected(.malformed) == 0)
      #expect(throws: RawHTTPClient.Failure.self) { _ = try server.client() }
      withExtendedLifetime(clients) {}
      return duration
    }
    #expect(duration < .seconds(2))
  }
}
