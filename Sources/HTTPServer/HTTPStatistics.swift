internal import Synchronization

/// Why the server sent a client away without asking the handler.
package enum HTTPRejection: String, CaseIterable, Sendable {
  /// More requests were being answered than `maximumRequests`: 503.
  case maxRequests = "max_requests"
  /// More connections were open than `maximumConnections`: 503, or closed at once in a flood.
  case maxConnections = "max_connections"
  /// The process had no file descriptor left for the connection, which stays in the kernel's queue.
  /// Counted for each attempt to accept it.
  case openFiles = "open_files"
  /// The client stopped reading its response, or stopped sending its request (408).
  case timeout
  /// The request was not HTTP, or larger than a connection's memory: 400, 413, 414, 431, 505.
  case malformed
}

/// What the server has done since it was made; every counter is there from the start, zero
/// included.
package struct HTTPStatistics: Sendable, Equatable {
  private let requests: [UInt64]
  private let rejections: [UInt64]

  init(requests: [UInt64], rejections: [UInt64]) {
    self.requests = requests
    self.rejections = rejections
  }

  /// Requests answered with this status, from the handler or from the server itself.
  package func requests(_ status: HTTPStatus) -> UInt64 {
    requests[status.position]
  }

  /// Requests and connections sent away for this reason.
  package func rejected(_ reason: HTTPRejection) -> UInt64 {
    rejections[reason.position]
  }
}

/// The counters behind `HTTPStatistics`. Neither counting nor reading waits for anybody.
struct HTTPCounters: ~Copyable, Sendable {
  private let requests = InlineArray<13, Atomic<UInt64>> { _ in Atomic(0) }
  private let rejections = InlineArray<5, Atomic<UInt64>> { _ in Atomic(0) }

  borrowing func count(_ status: HTTPStatus) {
    requests[status.position].wrappingAdd(1, ordering: .relaxed)
  }

  borrowing func count(_ reason: HTTPRejection) {
    rejections[reason.position].wrappingAdd(1, ordering: .relaxed)
  }

  var statistics: HTTPStatistics {
    HTTPStatistics(
      requests: HTTPStatus.allCases.map { requests[$0.position].load(ordering: .relaxed) },
      rejections: HTTPRejection.allCases.map { rejections[$0.position].load(ordering: .relaxed) })
  }
}

extension HTTPStatus {
  /// Its place in `allCases`; the compiler checks that none is forgotten.
  fileprivate var position: Int {
    switch self {
    case .ok: 0
    case .badRequest: 1
    case .unauthorized: 2
    case .forbidden: 3
    case .notFound: 4
    case .methodNotAllowed: 5
    case .requestTimeout: 6
    case .contentTooLarge: 7
    case .uriTooLong: 8
    case .requestHeaderFieldsTooLarge: 9
    case .internalServerError: 10
    case .serviceUnavailable: 11
    case .httpVersionNotSupported: 12
    }
  }
}

extension HTTPRejection {
  /// Its place in `allCases`; the compiler checks that none is forgotten.
  fileprivate var position: Int {
    switch self {
    case .maxRequests: 0
    case .maxConnections: 1
    case .openFiles: 2
    case .timeout: 3
    case .malformed: 4
    }
  }
}
