/// Which handler answers which path. A value: routes are listed in one place and never change
/// later.
package struct Router: Sendable {
  /// Answers a request for a path; called for GET and HEAD.
  package typealias Handler = @Sendable (borrowing HTTPRequest) -> HTTPResponse

  /// One path and who answers for it.
  package struct Route: Sendable {
    let path: String
    let handler: Handler

    /// - Parameters:
    ///   - path: the whole path, decoded and without a query, e.g. `/metrics`.
    ///   - handler: answers GET and HEAD; it runs on the serving thread and must not wait.
    package init(_ path: String, _ handler: @escaping Handler) {
      self.path = path
      self.handler = handler
    }
  }

  private let routes: [Route]
  private let notFound = HTTPResponse(.notFound, text: "404 page not found\n")
  private let methodNotAllowed = HTTPResponse(
    .methodNotAllowed, text: "405 method not allowed, use GET\n",
    headers: [HTTPHeader("Allow", "GET, HEAD")])

  /// - Parameter routes: the first whose path is the request's answers.
  package init(_ routes: [Route]) {
    self.routes = routes
  }

  /// The handler's answer, or 404 where no route has the path, or 405 where the method is neither
  /// GET nor HEAD.
  package func respond(to request: borrowing HTTPRequest) -> HTTPResponse {
    for route in routes where request.hasPath(route.path) {
      return request.method == .other ? methodNotAllowed : route.handler(request)
    }
    return notFound
  }
}
