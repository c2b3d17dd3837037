internal import HTTPServer
internal import SocketModel

/// Which collectors a client asks for, by `collect[]=` or `exclude[]=`.
enum CollectorSelection {
  struct Invalid: Error, Equatable, CustomStringConvertible {
    let description: String
  }

  /// Nil where the query does not select.
  /// - Throws: `Invalid` for an unknown collector, or where both kinds are given.
  static func parse(
    _ query: [HTTPQueryItem], from collectors: [Collector]
  ) throws(Invalid) -> Set<Collector>? {
    let included = query.filter { $0.name == "collect[]" }
    let excluded = query.filter { $0.name == "exclude[]" }
    guard !included.isEmpty || !excluded.isEmpty else { return nil }
    guard included.isEmpty || excluded.isEmpty else {
      throw Invalid(description: "use either collect[] or exclude[], not both")
    }
    var named: Set<Collector> = []
    for item in included + excluded {
      let value = item.value ?? ""
      guard let collector = collectors.first(where: { $0.name.description == value }) else {
        let valid = collectors.map(\.name.description).joined(separator: ", ")
        throw Invalid(description: "\(item.name): no collector '\(value)'; valid: \(valid)")
      }
      named.insert(collector)
    }
    return included.isEmpty ? Set(collectors).subtracting(named) : named
  }
}
