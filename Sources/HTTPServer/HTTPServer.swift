internal import CMicroHTTP
internal import Glibc
internal import LinuxIO
internal import Synchronization

/// An HTTP/1.1 server over libmicrohttpd: one thread for each address, no thread for a connection.
///
/// The handler runs on that thread and answers at once: while it runs, nobody else on the same
/// address is served. It must not call `stop()`.
package final class HTTPServer: Sendable {
  /// Addresses and limits. The limits hold for all addresses together.
  package struct Configuration: Sendable, Equatable {
    /// Where to listen; all of them or none.
    package var addresses: [ListenAddress]
    /// Descriptors of sockets that listen already, as `PassedSockets` takes them; served after the
    /// addresses. The first start hands them over and the stop closes them: a second start has none.
    package var passedSockets: [Int32] = []
    /// A connection on which nothing moves for so long is closed: an idle one, one that stalls in
    /// the middle of its request, one that does not read its answer. Whole seconds, rounded up, at
    /// least 1.
    package var idleTimeout = Duration.seconds(10)
    /// Open connections that are served. A few more are accepted only to be told 503, any beyond
    /// those are closed at once.
    package var maximumConnections = 512
    /// Requests that may be on their way at the same time; the next one is told 503. A request is
    /// on its way until its last byte has gone to the kernel.
    package var maximumRequests = 40
    /// Memory for the head of a request and of its answer, for each connection, in bytes; a longer
    /// head is answered 414 or 431. At least 4096.
    package var connectionMemoryBytes = 32 << 10

    package init(addresses: [ListenAddress]) {
      self.addresses = addresses
    }
  }

  private let configuration: Configuration
  private let reception: Reception
  private let listeners = Mutex<[Listener]>([])
  /// Until the first start, which takes them.
  private let passedSockets: Mutex<[Int32]>

  /// - Parameter handler: answers every request within the limits, e.g. `Router.respond(to:)`.
  package init(configuration: Configuration, handler: @escaping Router.Handler) {
    self.configuration = configuration
    passedSockets = Mutex(configuration.passedSockets)
    reception = Reception(configuration: configuration, handler: handler)
  }

  deinit {
    stop()
  }

  /// Binds every address, looks at every passed socket, then serves them. When it throws, nothing is
  /// served and nothing is bound.
  package func start() throws(HTTPServerError) {
    try listeners.withLock { (listeners) throws(HTTPServerError) in
      guard listeners.isEmpty else { throw .alreadyStarted }
      let passed = passedSockets.withLock { passed in
        defer { passed = [] }
        return passed
      }
      guard !configuration.addresses.isEmpty || !passed.isEmpty else { throw .noAddress }
      var started: [Listener] = []
      do throws(HTTPServerError) {
        for address in configuration.addresses {
          started.append(Listener(try ListeningSocket(address)))
        }
        for descriptor in passed {
          started.append(Listener(try ListeningSocket(passed: descriptor)))
        }
        for listener in started {
          try listener.serve(reception, options: options)
        }
      } catch {
        for listener in started { listener.close() }
        throw error
      }
      listeners = started
    }
  }

  /// How long `stop()` waits for answers that are on their way.
  private static let grace = Duration.milliseconds(500)

  /// Stops accepting connections, answers whoever has asked, half a second at most, and closes every
  /// connection, finished or not. Returns when the threads are gone and the ports are free. Further calls
  /// do nothing; the server may be started again.
  package func stop() {
    listeners.withLock { listeners in
      guard !listeners.isEmpty else { return }
      for listener in listeners { listener.quiesce() }
      let deadline = ContinuousClock.now + Self.grace
      // The library may be about to tell of a connection that it has accepted before.
      repeat {
        usleep(10_000)
      } while listeners.contains(where: \.isAwaited) && ContinuousClock.now < deadline
      for listener in listeners { listener.close() }
      listeners = []
    }
  }

  /// The addresses that are being served, in the order configured, each with the port it really
  /// has; empty when the server does not run.
  package var boundAddresses: [ListenAddress] {
    listeners.withLock { $0.map(\.address) }
  }

  /// What the server has done so far, over every start and stop.
  package var statistics: HTTPStatistics { reception.counters.statistics }

  private var options: CMicroHTTP_Options {
    let (seconds, attoseconds) = configuration.idleTimeout.components
    let idleSeconds = attoseconds > 0 ? seconds &+ 1 : seconds
    // The library's own limits are a backstop behind the reception's, which are checked first.
    let backstop =
      configuration.maximumConnections + Reception.spareConnections
      + configuration.addresses.count + configuration.passedSockets.count
    return CMicroHTTP_Options(
      idle_timeout_seconds: UInt32(clamping: max(idleSeconds, 1)),
      connection_limit: UInt32(clamping: backstop),
      connection_memory_bytes: max(configuration.connectionMemoryBytes, 4096))
  }
}

/// One address: first a listening socket, then the thread that serves it.
@safe private final class Listener {
  let address: ListenAddress
  private var socket: FileDescriptor?
  private var server: OpaquePointer?

  init(_ socket: consuming ListeningSocket) {
    address = socket.address
    self.socket = consume socket.descriptor
  }

  /// Gives the socket to the library, which closes it in every case.
  func serve(_ reception: Reception, options: CMicroHTTP_Options) throws(HTTPServerError) {
    guard let socket = socket.take() else { return }
    unsafe server = CMicroHTTP_start(
      socket.release(), address.port, options, reception.callbacks)
    guard unsafe server != nil else {
      throw .cannotServe(address, .last("MHD_start_daemon"))
    }
  }

  func quiesce() {
    if let server = unsafe server { unsafe CMicroHTTP_quiesce(server) }
  }

  /// Whether an answer is on its way to somebody.
  var isAwaited: Bool {
    guard let server = unsafe server else { return false }
    return unsafe CMicroHTTP_is_awaited(server)
  }

  func close() {
    socket = nil
    if let server = unsafe server { unsafe CMicroHTTP_stop(server) }
    unsafe server = nil
  }
}
