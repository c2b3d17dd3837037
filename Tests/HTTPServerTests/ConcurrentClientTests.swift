import Foundation
import HTTPServer
import Synchronization
import TestSupport
import Testing

@Suite struct ConcurrentClientTests {
  /// A page that shows by itself whether all of it is of one edition.
  private static func page(_ edition: Int) -> String {
    String(repeating: "edition \(edition) of the page\n", count: 500 + edition % 1500)
  }

  @Test func noPageIsTornWhileItIsSwapped() throws {
    let current = PublishedPage(HTTPResponse(.ok, text: Self.page(0)))
    let server = try TestServer(
      configure: { $0.idleTimeout = .patience },
      routes: [Router.Route("/metrics") { _ in current.response }])
    let port = server.port
    let clients = 25
    let requests = 80
    let correct = Atomic<Int>(0)
    let running = Atomic<Int>(clients)
    let finished = DispatchSemaphore(value: 0)

    for client in 0..<clients {
      Thread.detachNewThread {
        defer {
          running.subtract(1, ordering: .relaxed)
          finished.signal()
        }
        guard let connection = try? RawHTTPClient(port: port) else { return }
        for request in 0..<requests {
          if (try? connection.request("GET", "/metrics")) == nil { return }
          if client % 5 == 0, request % 10 == 0 { sleepMilliseconds(1) }
          guard let response = try? connection.readResponse(), response.status == 200,
            Self.isWhole(response.body)
          else { return }
          correct.add(1, ordering: .relaxed)
        }
      }
    }
    var edition = 0
    while running.load(ordering: .relaxed) > 0 {
      edition += 1
      current.response = HTTPResponse(.ok, text: Self.page(edition))
    }
    for _ in 0..<clients { finished.wait() }
    #expect(correct.load(ordering: .relaxed) == clients * requests)
    #expect(server.server.statistics.requests(.ok) == UInt64(clients * requests))
    #expect(edition > 10)
  }

  private static func isWhole(_ body: [UInt8]) -> Bool {
    let words = body.prefix(40).split(separator: UInt8(ascii: " "))
    guard words.count > 1, let edition = Int(String(decoding: words[1], as: UTF8.self)) else {
      return false
    }
    return body == Array(page(edition).utf8)
  }
}

/// A page that one thread replaces while others read it.
private final class PublishedPage: Sendable {
  private let page: Mutex<HTTPResponse>

  init(_ page: HTTPResponse) {
    self.page = Mutex(page)
  }

  var response: HTTPResponse {
    get { page.withLock { $0 } }
    set { page.withLock { $0 = newValue } }
  }
}
