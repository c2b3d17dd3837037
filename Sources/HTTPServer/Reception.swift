internal import CMicroHTTP
internal import Synchronization

/// What happens on the serving threads: it admits connections, keeps the limits, asks the handler
/// and counts. One is shared by all listening addresses, so the limits hold for the whole server.
final class Reception: Sendable {
  let counters = HTTPCounters()

  private let handler: Router.Handler
  private let maximumRequests: Int
  private let maximumConnections: Int
  private let openRequests = Atomic<Int>(0)
  private let openConnections = Atomic<Int>(0)

  private let tooManyRequests: HTTPResponse
  private let tooManyConnections: HTTPResponse

  /// Connections above the limit that are still accepted, each for one answer that says why.
  static let spareConnections = 16

  init(configuration: HTTPServer.Configuration, handler: @escaping Router.Handler) {
    self.handler = handler
    maximumRequests = configuration.maximumRequests
    maximumConnections = configuration.maximumConnections
    tooManyRequests = HTTPResponse(
      .serviceUnavailable,
      text: "503 more than \(maximumRequests) requests are being answered, try again later\n",
      headers: [HTTPHeader("Retry-After", "1")])
    tooManyConnections = HTTPResponse(
      status: .serviceUnavailable, contentType: "text/plain; charset=utf-8",
      headers: [HTTPHeader("Retry-After", "1")],
      body: HTTPBody("503 more than \(maximumConnections) connections are open, try again later\n"),
      closesConnection: true)
  }

  /// Sends one answer. The request counts as open until `finished`, which is when its last byte has
  /// gone to the kernel, so a client that does not read keeps its place until the timeout.
  func answer(_ request: UnsafePointer<CMicroHTTP_Request>) -> Bool {
    let open = openRequests.wrappingAdd(1, ordering: .relaxed).newValue
    let response: HTTPResponse
    if unsafe request.pointee.over_limit {
      counters.count(.maxConnections)
      response = tooManyConnections
    } else if open > maximumRequests {
      counters.count(.maxRequests)
      response = tooManyRequests
    } else {
      response = handler(unsafe HTTPRequest(request))
    }
    counters.count(response.status)
    return unsafe response.send(to: request)
  }

  func finished(timedOut: Bool) {
    openRequests.wrappingSubtract(1, ordering: .relaxed)
    if timedOut { counters.count(.timeout) }
  }

  /// The library answered without asking.
  func refused(status: UInt32) {
    let status = HTTPStatus(library: status)
    counters.count(status)
    counters.count(status == .requestTimeout ? .timeout : .malformed)
  }

  func admit() -> Bool {
    let open = openConnections.load(ordering: .relaxed)
    guard open < maximumConnections + Self.spareConnections else {
      counters.count(.maxConnections)
      return false
    }
    return true
  }

  /// Returns whether the connection is one above the limit.
  func opened() -> Bool {
    openConnections.wrappingAdd(1, ordering: .relaxed).newValue > maximumConnections
  }

  func closed() {
    openConnections.wrappingSubtract(1, ordering: .relaxed)
  }

  func exhausted() {
    counters.count(.openFiles)
  }

  /// The callbacks for one serving thread. They borrow this object: it must outlive the thread.
  var callbacks: CMicroHTTP_Callbacks {
    unsafe CMicroHTTP_Callbacks(
      context: Unmanaged.passUnretained(self).toOpaque(),
      answer: { unsafe Reception.at($0).answer($1) },
      finished: { unsafe Reception.at($0).finished(timedOut: $1) },
      refused: { unsafe Reception.at($0).refused(status: $1) },
      admit: { unsafe Reception.at($0).admit() },
      opened: { unsafe Reception.at($0).opened() },
      closed: { unsafe Reception.at($0).closed() },
      exhausted: { unsafe Reception.at($0).exhausted() })
  }

  private static func at(_ context: UnsafeMutableRawPointer) -> Reception {
    unsafe Unmanaged<Reception>.fromOpaque(context).takeUnretainedValue()
  }
}
