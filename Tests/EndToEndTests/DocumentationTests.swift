import TestSupport
import Testing

/// `docs/metrics.md`, the dashboards and the rules speak of what the exporter serves.
struct DocumentationTests {
  @Test(.enabled(if: TestHost.isAvailable, TestHost.unavailability))
  func `the page of metrics and the real one name the same metrics, types and labels`()
    async throws
  {
    let documented = try MetricDocumentation().entries
    let page = try await TestHost.run { host -> MetricPage in
      // A holder of sockets and a zombie: what speaks of them is left out where there is none.
      let parent = try host.actor(named: "parent")
      _ = try parent.listen()
      try parent.bearChildren(1, .byDefault)
      let exporter = try host.serve()
      return try eventually("a page with every collector") {
        let answer = try host.run(["curl", "-sf", "http://127.0.0.1:\(exporter.port)/metrics"])
        guard answer.exit == .code(0) else { return nil }
        let page = try MetricPage(answer.output)
        return page.sum("socket_exporter_collector_success") == 4 ? page : nil
      }
    }

    let served = page.families.map { family in
      let labels = Set(family.samples.flatMap(\.labels.keys))
      return (family.name, MetricDocumentation.Entry(type: family.type, labels: labels))
    }
    let servedEntries = Dictionary(served) { first, _ in first }
    #expect(Set(servedEntries.keys).symmetricDifference(documented.keys).sorted() == [])
    for (name, entry) in servedEntries where documented[name] != nil {
      #expect(entry == documented[name], "\(name)")
    }
  }

  @Test(
    arguments: Dashboard.all.map { "dashboards/" + $0 } + [
      "deploy/prometheus/socket-exporter.rules.yml",
      "deploy/prometheus/socket-exporter.rules.test.yml",
    ])
  func `every metric that is named is documented`(_ file: String) throws {
    let documented = try MetricDocumentation().entries
    let named = MetricDocumentation.metrics(namedIn: try Repository.text(file))
    #expect(!named.isEmpty)
    #expect(named.subtracting(documented.keys).sorted() == [])
  }
}
