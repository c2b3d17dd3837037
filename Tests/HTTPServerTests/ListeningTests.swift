import Glibc
import HTTPServer
import TestSupport
import Testing

private let hostHasIPv6: Bool = {
  let server = try? TestServer("[::1]:0")
  return server != nil
}()

@Suite struct ListeningTests {
  @Test func portZeroBindsAFreePort() throws {
    let server = try TestServer()
    #expect(server.port != 0)
    #expect(server.server.boundAddresses.map(\.description) == ["127.0.0.1:\(server.port)"])
  }

  @Test(.enabled(if: hostHasIPv6)) func listensOnIPv6() throws {
    // Nobody has the port on IPv4, as somebody might have one that the kernel chooses.
    let server = try TestServer.onPrivatePort("[::1]", from: 30_000..<32_000)
    let response = try RawHTTPClient.fetch("GET", "/plain", host: "::1", port: server.port)
    #expect(response.status == 200)
    #expect(throws: RawHTTPClient.Failure.self) { _ = try server.fetch("GET", "/plain") }
  }

  @Test(.enabled(if: hostHasIPv6)) func aWildcardTakesBothFamiliesOnOneSocket() throws {
    let server = try TestServer(":0")
    for host in ["127.0.0.1", "::1"] {
      let response = try RawHTTPClient.fetch("GET", "/plain", host: host, port: server.port)
      #expect(response.status == 200)
    }
    #expect(server.server.boundAddresses.count == 1)
    #expect(socketCount(localPort: server.port, state: 10) == 1)
  }

  @Test func listensOnAName() throws {
    let server = try TestServer("localhost:0")
    #expect(try server.fetch("GET", "/plain").status == 200)
  }

  @Test func severalAddressesAreServedAlike() throws {
    let second = try ListenAddress(parsing: "127.0.0.2:0")
    let server = try TestServer(configure: { $0.addresses.append(second) })
    let bound = server.server.boundAddresses
    #expect(bound.map(\.host) == ["127.0.0.1", "127.0.0.2"])
    for address in bound {
      let response = try RawHTTPClient.fetch(
        "GET", "/plain", host: address.host, port: address.port)
      #expect(response.status == 200)
    }
    #expect(server.server.statistics.requests(.ok) == 2)
  }

  @Test func aPortInUseIsOneClearErrorAndNothingStaysBound() throws {
    let first = try TestServer.onPrivatePort()
    let free = try TestServer.onPrivatePort("127.0.0.3", from: 20_000..<30_000)
    let freeAddress = free.server.boundAddresses[0]
    free.server.stop()
    let taken = first.server.boundAddresses[0]
    let second = HTTPServer(configuration: .init(addresses: [freeAddress, taken])) { _ in
      HTTPResponse(.ok, text: "")
    }
    let error = try #require(throws: HTTPServerError.self) { try second.start() }
    #expect(
      error.description
        == "cannot listen on 127.0.0.1:\(taken.port): bind: Address already in use")
    #expect(second.boundAddresses.isEmpty)
    #expect(socketCount(localPort: freeAddress.port, state: 10) == 0)
    #expect(try first.fetch("GET", "/plain").status == 200)
    first.server.stop()
    try second.start()
    #expect(second.boundAddresses == [freeAddress, taken])
  }

  @Test func anAddressOfAnotherHostIsRefused() throws {
    let error = try #require(throws: HTTPServerError.self) { _ = try TestServer("192.0.2.1:0") }
    #expect(
      error.description
        == "cannot listen on 192.0.2.1:0: bind: Cannot assign requested address")
  }

  @Test func aNameWithoutAddressIsRefused() throws {
    let name = String(repeating: "a", count: 70)
    let error = try #require(throws: HTTPServerError.self) { _ = try TestServer("\(name):0") }
    guard case .cannotResolve(let address, _) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(address.host == name)
  }

  @Test func startTwiceIsAnErrorAndStopTwiceIsNot() throws {
    let server = try TestServer()
    #expect(throws: HTTPServerError.alreadyStarted) { try server.server.start() }
    server.server.stop()
    server.server.stop()
    #expect(server.server.boundAddresses.isEmpty)
    #expect(throws: HTTPServerError.noAddress) {
      try HTTPServer(configuration: .init(addresses: [])) { _ in HTTPResponse(.ok, text: "") }
        .start()
    }
  }

  @Test func stopFreesThePortAtOnceAlthoughClientsWereServed() throws {
    var server = try TestServer.onPrivatePort()
    let port = server.port
    let client = try server.client()
    try client.request("GET", "/plain")
    #expect(try client.readResponse().status == 200)
    server.server.stop()
    #expect(throws: RawHTTPClient.Failure.self) { _ = try RawHTTPClient(port: port) }
    server = try TestServer("127.0.0.1:\(port)")
    #expect(try server.fetch("GET", "/plain").status == 200)
  }

  @Test func startingAndStoppingLeavesNoDescriptorBehind() async {
    // In a process of its own, for other tests open and close theirs meanwhile.
    await #expect(processExitsWith: .success) {
      let before = openDescriptors()
      for _ in 0..<300 {
        let server = try TestServer()
        server.server.stop()
      }
      // The runtime may have opened a few of its own.
      exit(openDescriptors() - before < 10 ? 0 : 1)
    }
  }
}

private func openDescriptors() -> Int {
  (0..<4096).count { fcntl($0, F_GETFD) >= 0 }
}
