import Foundation
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
      // A holder of sockets, one in CLOSE_WAIT, and a zombie: what speaks of them is left out where
      // there is none.
      let parent = try host.actor(named: "parent")
      let peer = try host.actor(named: "peer")
      try peer.close(peer.connect(to: parent.listen(), of: parent).own)
      try parent.bearChildren(1, .byDefault)
      // Now, not by another test in the midst of this one, the kernel loads what tracks connections.
      try? host.drop("tcp dport 9 ct state invalid")
      let exporter = try host.serve("--netns", "all")
      return try eventually("a page with every collector") {
        let answer = try host.run(["curl", "-sf", "http://127.0.0.1:\(exporter.port)/metrics"])
        guard answer.exit == .code(0) else { return nil }
        let page = try MetricPage(answer.output)
        return page.sum("socket_exporter_collector_success") == 7 ? page : nil
      }
    }

    let served = MetricDocumentation.entries(of: page)
    #expect(Set(documented.keys).subtracting(served.keys) == Self.absentOnTestHost)
    for (name, entry) in served { #expect(entry == documented[name], "\(name)") }
  }

  /// The limits of the whole host are told in its first network namespace only, and not every kernel
  /// tracks connections.
  private static let absentOnTestHost: Set<String> = {
    var names: Set = ["socket_sockstat_memory_limit_bytes", "socket_sockstat_tcp_orphans_limit"]
    if !FileManager.default.fileExists(atPath: "/proc/sys/net/netfilter/nf_conntrack_count") {
      names.formUnion(["socket_conntrack_entries", "socket_conntrack_entries_limit"])
    }
    return names
  }()

  @Test func `the page of metrics and the golden one name the same metrics, types and labels`()
    throws
  {
    let golden = try MetricPage(try Fixtures.bytes("golden/troubled.prom"))
    let documented = try MetricDocumentation().entries
    let served = MetricDocumentation.entries(of: golden)
    #expect(Set(documented.keys).symmetricDifference(served.keys).sorted() == [])
    for (name, entry) in served { #expect(entry == documented[name], "\(name)") }
  }

  @Test(
    arguments: Dashboard.all.map { "dashboards/" + $0 } + AlertRuleTests.cases + [
      "deploy/prometheus/socket-exporter.alerts.yml"
    ])
  func `every metric that is named is documented`(_ file: String) throws {
    let documented = try MetricDocumentation().entries
    let named = MetricDocumentation.metrics(namedIn: try Repository.text(file))
    #expect(!named.isEmpty)
    #expect(named.subtracting(documented.keys).sorted() == [])
  }
}
