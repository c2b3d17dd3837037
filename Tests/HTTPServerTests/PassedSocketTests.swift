import Foundation
import HTTPServer
import Synchronization
import TestSupport
import Testing

/// The variables of sd_listen_fds(3).
@Suite struct PassedSocketVariableTests {
  private static func read(_ variables: [String: String]) throws -> Range<Int32> {
    try PassedSockets.descriptors(to: 7) { variables[$0] }
  }

  @Test(arguments: [("1", 3..<4), ("3", 3..<6), ("1024", Int32(3)..<1027)])
  func countsFromThree(count: String, expected: Range<Int32>) throws {
    #expect(try Self.read(["LISTEN_FDS": count, "LISTEN_PID": "7"]) == expected)
  }

  @Test(arguments: [
    ([:], PassedSocketsError.none), (["LISTEN_PID": "7"], .none),
    (["LISTEN_FDS": "0", "LISTEN_PID": "7"], .badCount("0")),
    (["LISTEN_FDS": "-1", "LISTEN_PID": "7"], .badCount("-1")),
    (["LISTEN_FDS": "1025", "LISTEN_PID": "7"], .badCount("1025")),
    (["LISTEN_FDS": "99999999999", "LISTEN_PID": "7"], .badCount("99999999999")),
    (["LISTEN_FDS": "", "LISTEN_PID": "7"], .badCount("")),
    (["LISTEN_FDS": "two", "LISTEN_PID": "7"], .badCount("two")),
    (["LISTEN_FDS": "1"], .noReceiver),
    (["LISTEN_FDS": "1", "LISTEN_PID": "8"], .otherReceiver("8", process: 7)),
    (["LISTEN_FDS": "1", "LISTEN_PID": ""], .otherReceiver("", process: 7)),
  ])
  func namesWhatIsWrong(variables: [String: String], error: PassedSocketsError) {
    #expect(throws: error) { try Self.read(variables) }
  }

  @Test func takingRemovesTheVariablesAndClosesOnExec() async {
    // In a process of its own, for the variables and the descriptor are those of the whole process.
    await #expect(processExitsWith: .success) {
      // Descriptor 3 may be one that this process works with: then it is taken as it is, not replaced.
      if fcntl(3, F_SETFD, 0) == -1 {
        guard dup2(try passive("127.0.0.1"), 3) == 3 else { exit(2) }
      }
      setenv("LISTEN_FDS", "1", 1)
      setenv("LISTEN_PID", "\(getpid())", 1)
      setenv("LISTEN_FDNAMES", "metrics", 1)
      let isInherited = fcntl(3, F_GETFD) == 0
      let taken = try PassedSockets.take() == [3]
      let names = ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"]
      let areGone = names.allSatisfy { getenv($0) == nil }
      exit(isInherited && taken && areGone && fcntl(3, F_GETFD) == FD_CLOEXEC ? 0 : 1)
    }
  }

  @Test func aDescriptorThatIsNotOpenIsNamed() async {
    await #expect(processExitsWith: .success) {
      setenv("LISTEN_FDS", "1000", 1)
      setenv("LISTEN_PID", "\(getpid())", 1)
      do throws(PassedSocketsError) {
        _ = try PassedSockets.take()
      } catch .closed(let descriptor) {
        exit(fcntl(descriptor, F_GETFD) == -1 ? 0 : 1)
      } catch {
        exit(2)
      }
      exit(1)
    }
  }
}

@Suite struct PassedSocketTests {
  private static func server(_ passed: [Int32]) -> HTTPServer {
    var configuration = HTTPServer.Configuration(addresses: [])
    configuration.passedSockets = passed
    return HTTPServer(configuration: configuration) { _ in HTTPResponse(.ok, text: "passed\n") }
  }

  @Test func everyOneIsServedByItsAddress() throws {
    let server = Self.server([try passive("127.0.0.1"), try passive("127.0.0.2")])
    try server.start()
    defer { server.stop() }
    #expect(server.boundAddresses.map(\.host) == ["127.0.0.1", "127.0.0.2"])
    for address in server.boundAddresses {
      let answer = try RawHTTPClient.fetch("GET", "/", host: address.host, port: address.port)
      #expect(answer.status == 200)
    }
  }

  @Test func whereItIsBoundToEveryAddressNoneIsNamed() throws {
    let server = Self.server([try passive("0.0.0.0")])
    try server.start()
    defer { server.stop() }
    #expect(server.boundAddresses.map(\.host) == [""])
  }

  @Test func whoeverPassedItStillListensAfterTheEnd() throws {
    let kept = try passive("127.0.0.1")
    defer { close(kept) }
    var port: UInt16 = 0
    for _ in 0..<3 {
      let server = Self.server([dup(kept)])
      try server.start()
      port = server.boundAddresses[0].port
      #expect(try RawHTTPClient.fetch("GET", "/", port: port).status == 200)
      server.stop()
      #expect(socketCount(localPort: port, state: 10) == 1)
    }
    // It waits to be accepted by the next one.
    let client = try RawHTTPClient(port: port)
    try client.request("GET", "/")
    let server = Self.server([dup(kept)])
    try server.start()
    defer { server.stop() }
    #expect(try client.readResponse().status == 200)
  }

  /// One server follows another on the same socket, as in an upgrade.
  @Test func nobodyWhoAsksMeanwhileIsLeftWithoutAnAnswer() throws {
    let kept = try passive("127.0.0.1")
    defer { close(kept) }
    var server = Self.server([dup(kept)])
    try server.start()
    let port = server.boundAddresses[0].port
    let isOver = Atomic(false)
    let asked = Atomic<Int>(0)
    let answered = Atomic<Int>(0)
    let finished = DispatchSemaphore(value: 0)
    let clients = 4
    for _ in 0..<clients {
      Thread.detachNewThread {
        while !isOver.load(ordering: .relaxed) {
          asked.add(1, ordering: .relaxed)
          let answer = try? RawHTTPClient.fetch("GET", "/", port: port)
          if answer?.status == 200 { answered.add(1, ordering: .relaxed) }
        }
        finished.signal()
      }
    }
    for _ in 0..<30 {
      usleep(5000)
      server.stop()
      server = Self.server([dup(kept)])
      try server.start()
    }
    isOver.store(true, ordering: .relaxed)
    for _ in 0..<clients { finished.wait() }
    server.stop()
    #expect(asked.load(ordering: .relaxed) > 30)
    #expect(answered.load(ordering: .relaxed) == asked.load(ordering: .relaxed))
  }

  @Test func whatIsNoListeningTCPSocketIsNamedAndClosed() throws {
    let stream = Int32(SOCK_STREAM.rawValue)
    let cases: [(descriptor: Int32, reason: String)] = [
      (open("/dev/null", O_RDONLY), "getsockopt: Socket operation on non-socket"),
      (socket(AF_INET, stream, 0), "it does not listen (Accept=yes passes connections)"),
      (
        socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0),
        "it is of another kind (ListenStream= with a port makes TCP)"
      ),
      (
        socket(AF_UNIX, stream, 0), "it is of another kind (ListenStream= with a port makes TCP)"
      ),
    ]
    for (descriptor, reason) in cases {
      try #require(descriptor >= 0)
      let good = try passive("127.0.0.1")
      let server = Self.server([good, descriptor])
      let error = try #require(throws: HTTPServerError.self) { try server.start() }
      #expect(
        error.description
          == "passed descriptor \(descriptor) is not a listening TCP socket: \(reason)")
      #expect(server.boundAddresses.isEmpty)
    }
  }
}

/// A TCP socket that listens on a free port, as a service manager makes it: inherited, and blocking.
private func passive(_ host: String) throws -> Int32 {
  let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  var name = sockaddr_in()
  name.sin_family = sa_family_t(AF_INET)
  inet_pton(AF_INET, host, &name.sin_addr)
  let outcome = withUnsafeBytes(of: &name) {
    bind(
      descriptor, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
  }
  guard outcome == 0, listen(descriptor, 16) == 0 else {
    throw TestFailure("listen: \(String(cString: strerror(errno)))")
  }
  return descriptor
}
