/// The status codes that the server can send, by itself or from a handler: a closed list, so that a
/// counter for each can be written from the start (RFC 9110, section 15).
package enum HTTPStatus: UInt16, CaseIterable, Sendable {
  case ok = 200
  case badRequest = 400
  case unauthorized = 401
  case forbidden = 403
  case notFound = 404
  case methodNotAllowed = 405
  case requestTimeout = 408
  case contentTooLarge = 413
  case uriTooLong = 414
  case requestHeaderFieldsTooLarge = 431
  case internalServerError = 500
  case serviceUnavailable = 503
  case httpVersionNotSupported = 505

  /// The status that the library chose; one that is not listed counts as the first of its class.
  init(library code: UInt32) {
    self =
      HTTPStatus(rawValue: UInt16(truncatingIfNeeded: code))
      ?? (400..<500 ~= code ? .badRequest : .internalServerError)
  }
}
