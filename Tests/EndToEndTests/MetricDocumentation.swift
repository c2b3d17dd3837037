import TestSupport

/// What `docs/metrics.md` says there is.
struct MetricDocumentation {
  struct Entry: Equatable {
    let type: String
    let labels: Set<String>
  }

  let entries: [String: Entry]

  /// Reads the rows of the tables that begin with a metric's name:
  /// ``| `name` | type | `label`: values; `label` | …``.
  init() throws {
    var entries: [String: Entry] = [:]
    for line in try Repository.text("docs/metrics.md").split(separator: "\n") {
      let cells = line.split(separator: "|", omittingEmptySubsequences: false)
      guard cells.count > 4, let match = cells[1].wholeMatch(of: /\s*`(\w+)`\s*/) else { continue }
      let labels = cells[3].matches(of: /`(\w+)`/).map { String($0.1) }
      let entry = Entry(type: cells[2].filter { $0 != " " }, labels: Set(labels))
      guard entries.updateValue(entry, forKey: String(match.1)) == nil else {
        throw TestFailure("\(match.1) has two rows")
      }
    }
    self.entries = entries
  }

  /// What a page says of the same. The label `netns` can stand on any metric of a network namespace,
  /// and the tables leave it out.
  static func entries(of page: MetricPage) -> [String: Entry] {
    let entries = page.families.map { family in
      let labels = Set(family.samples.flatMap(\.labels.keys)).subtracting(["netns"])
      return (family.name, Entry(type: family.type, labels: labels))
    }
    return Dictionary(entries) { first, _ in first }
  }

  /// The names in a text that look like metrics of the exporter.
  static func metrics(namedIn text: String) -> Set<String> {
    Set(text.matches(of: /\b(socket|process)_\w+/).map { String($0.0) })
  }
}
