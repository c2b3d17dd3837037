/// Which handler answers which path. A value: routes are listed in one place and never change later.
package struct Router: Sendable {
  /// Answers a request for a path; called for GET and HEAD.
  package typealias Handler = @Sendable (borrowing HTTPRequest) -> HTTPResponse

  private let routes: [(path: String, handler: Handler)]
  private let notFound = HTTPResponse(.notFound, text: "404 page not found\n")
  private let methodNotAllowed = HTTPResponse(
    .methodNotAllowed, text: "405 method not allowed, use GET\n",
    headers: [HTTPHeader("Allow", "GET, HEAD")])

  /// - Parameter routes: exact paths, decoded, each with its handler; the first match answers.
  package init(_ routes: [(path: String, handler: Handler)]) {
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
