internal import CMicroHTTP

/// An answer, ready to be sent: status, headers and body, made once and sent as often as wanted, to
/// several clients at once. Sending it neither allocates nor copies the body.
@safe package final class HTTPResponse: Sendable {
  /// The status line's code.
  package let status: HTTPStatus
  /// The length of the body in bytes.
  package let contentLength: Int

  /// The library's object. It is counted with atomic operations and does not change after `init`.
  private nonisolated(unsafe) let prepared: OpaquePointer?

  /// - Parameters:
  ///   - contentType: the whole value of `Content-Type`; one that cannot be a header value is the
  ///     programmer's mistake and traps.
  ///   - headers: further headers. `Content-Length`, `Date`, `Connection` and
  ///     `X-Content-Type-Options: nosniff` are added by the server.
  package convenience init(
    _ status: HTTPStatus = .ok, contentType: String, headers: [HTTPHeader] = [], body: HTTPBody
  ) {
    self.init(
      status: status, contentType: contentType, headers: headers, body: body,
      closesConnection: false)
  }

  /// An answer of plain text in UTF-8.
  package convenience init(_ status: HTTPStatus, text: String, headers: [HTTPHeader] = []) {
    self.init(
      status, contentType: "text/plain; charset=utf-8", headers: headers, body: HTTPBody(text))
  }

  init(
    status: HTTPStatus, contentType: String, headers: [HTTPHeader], body: HTTPBody,
    closesConnection: Bool
  ) {
    self.status = status
    contentLength = body.count
    precondition(HTTPHeader.isValue(contentType), "not a content type: \(contentType)")
    let owner = unsafe Unmanaged.passRetained(body)
    guard
      let prepared = unsafe CMicroHTTP_response_create(
        body.address, body.count, owner.toOpaque(),
        { unsafe Unmanaged<HTTPBody>.fromOpaque($0).release() })
    else {
      // Without memory there is nothing to send; the client's connection is closed.
      unsafe owner.release()
      unsafe self.prepared = nil
      return
    }
    unsafe self.prepared = prepared
    unsafe _ = CMicroHTTP_response_add_header(prepared, "Content-Type", contentType)
    unsafe _ = CMicroHTTP_response_add_header(prepared, "X-Content-Type-Options", "nosniff")
    for header in headers {
      unsafe _ = CMicroHTTP_response_add_header(prepared, header.name, header.value)
    }
    if closesConnection {
      unsafe _ = CMicroHTTP_response_add_header(prepared, "Connection", "close")
    }
  }

  deinit {
    if let prepared = unsafe prepared { unsafe CMicroHTTP_response_release(prepared) }
  }

  /// Hands the response to the library, which keeps it for as long as it needs it.
  func send(to request: UnsafePointer<CMicroHTTP_Request>) -> Bool {
    guard let prepared = unsafe prepared else { return false }
    return unsafe CMicroHTTP_respond(request, UInt32(status.rawValue), prepared)
  }
}
