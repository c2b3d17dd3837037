/// What the HTTP server has answered and refused since its start.
package struct HTTPCounts: Sendable, Equatable {
  /// Requests by status code; the codes are always the same ones.
  package var requests: [(code: Int32, count: UInt64)]
  /// Requests and connections refused, by reason; the reasons are always the same ones.
  package var rejected: [(reason: String, count: UInt64)]

  package init(
    requests: [(code: Int32, count: UInt64)], rejected: [(reason: String, count: UInt64)]
  ) {
    self.requests = requests
    self.rejected = rejected
  }

  package static func == (left: Self, right: Self) -> Bool {
    left.requests.elementsEqual(right.requests, by: ==)
      && left.rejected.elementsEqual(right.rejected, by: ==)
  }
}
