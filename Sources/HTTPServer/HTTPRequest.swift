internal import CMicroHTTP

/// A request whose headers have been read, lent to a handler.
///
/// It points into the connection's memory, so it cannot be copied or kept: a handler borrows it for
/// the duration of the call. What is asked of it is looked up then, so nothing is paid for what is
/// not asked.
@safe package struct HTTPRequest: ~Copyable {
  private let request: UnsafePointer<CMicroHTTP_Request>

  init(_ request: UnsafePointer<CMicroHTTP_Request>) {
    unsafe self.request = unsafe request
  }

  /// The methods that the server tells apart; names are case-sensitive (RFC 9110, section 9.1).
  package enum Method: Sendable {
    case get
    case head
    case other
  }

  /// The method. A handler answers HEAD as it answers GET: the server leaves the body out.
  package var method: Method {
    let method = unsafe request.pointee.method.buffer.span
    if method.equals("GET") { return .get }
    if method.equals("HEAD") { return .head }
    return .other
  }

  /// The path without the query, percent-decoded, e.g. `/metrics`.
  package var path: String {
    String(percentDecoding: unsafe request.pointee.path.buffer.span)
  }

  /// Whether the path is this one, compared byte by byte after decoding.
  package func hasPath(_ path: String) -> Bool {
    let sent = unsafe request.pointee.path.buffer.span
    return sent.equals(path) || sent.contains(UInt8(ascii: "%")) && self.path == path
  }

  /// The value of a header, nil where it was not sent. The case of the name does not matter; a
  /// header sent several times is one list, joined with `, ` (RFC 9110, section 5.3).
  package func header(_ name: StaticString) -> String? {
    var joined: String?
    forEachValue(ofHeader: name) { value in
      let text = unsafe value.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
      joined = joined.map { "\($0), \(text)" } ?? text
    }
    return joined
  }

  /// Calls `body` with each value of a header in the order sent, without allocating memory.
  package func forEachValue(ofHeader name: StaticString, _ body: (Span<UInt8>) -> Void) {
    // A static string ends with NUL.
    let name = unsafe UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
    var index = 0
    while true {
      let value = unsafe CMicroHTTP_header(request, name, index)
      guard unsafe value.start != nil else { return }
      body(unsafe value.buffer.span)
      index += 1
    }
  }

  /// The items of the query in the order sent, percent-decoded, `+` read as space. Malformed
  /// encodings stand for themselves.
  package var query: [HTTPQueryItem] {
    var items: [HTTPQueryItem] = []
    var name = unsafe CMicroHTTP_Bytes()
    var value = unsafe CMicroHTTP_Bytes()
    while unsafe CMicroHTTP_query_item(request, items.count, &name, &value) {
      let hasValue = unsafe value.start != nil
      items.append(
        HTTPQueryItem(
          name: String(percentDecoding: unsafe name.buffer.span),
          value: hasValue ? String(percentDecoding: unsafe value.buffer.span) : nil))
    }
    return items
  }

  /// Whether the client's address is a loopback address, IPv4, IPv6 or IPv4 mapped into IPv6.
  package var isLoopbackPeer: Bool {
    unsafe CMicroHTTP_peer_is_loopback(request)
  }
}

/// One `name=value` of a query.
package struct HTTPQueryItem: Sendable, Equatable {
  /// The decoded name, e.g. `collect[]`.
  package let name: String
  /// The decoded value; nil where the item has no `=`.
  package let value: String?
}

extension CMicroHTTP_Bytes {
  /// The bytes; none where they are absent. Valid as long as the request, which the caller borrows.
  fileprivate var buffer: UnsafeBufferPointer<UInt8> {
    unsafe UnsafeBufferPointer(start: start, count: count)
  }
}

extension Span where Element == UInt8 {
  fileprivate func equals(_ text: String) -> Bool {
    guard count == text.utf8.count else { return false }
    let other = text.utf8Span.span
    for position in 0..<count where self[position] != other[position] { return false }
    return true
  }

  fileprivate func contains(_ byte: UInt8) -> Bool {
    for position in 0..<count where self[position] == byte { return true }
    return false
  }
}
