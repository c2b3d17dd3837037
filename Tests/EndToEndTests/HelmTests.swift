import Foundation
import TestSupport
import Testing

/// The Helm chart, held against what kustomize builds: one description of the pod, in two forms.
struct HelmTests {
  private static let directory = "deploy/helm/socket-exporter"
  private static let chart = Repository.path(directory)
  private static let everything = """
    image:
      repository: registry.example.com/monitoring/socket-exporter
      digest: sha256:\(String(repeating: "5", count: 64))
      pullPolicy: Always
    imagePullSecrets:
      - name: registry
    fullnameOverride: sockets
    backend: bpf
    netns: all
    groupBy: container
    interval: 15s
    port: 19477
    extraArgs: ["--process.top=50"]
    securityContext:
      seccompProfile: {type: Localhost, localhostProfile: bpf.json}
      appArmorProfile: {type: Unconfined}
      seLinuxOptions: {type: spc_t}
    tolerations:
      - {key: dedicated, operator: Equal, value: batch, effect: NoSchedule}
    nodeSelector: {pool: "1"}
    affinity:
      nodeAffinity:
        requiredDuringSchedulingIgnoredDuringExecution:
          nodeSelectorTerms:
            - matchExpressions: [{key: kubernetes.io/arch, operator: In, values: [amd64]}]
    priorityClassName: null
    updateStrategy: {rollingUpdate: {maxUnavailable: 1}}
    podAnnotations: {example.com/owner: infrastructure}
    podLabels: {team: infrastructure}
    serviceAccount: {name: sockets-reader, annotations: {example.com/owner: infrastructure}}
    podMonitor:
      enabled: true
      labels: {release: prometheus}
      sampleLimit: 2000000
      relabelings: [{targetLabel: cluster, replacement: east}]
      metricRelabelings: [{action: drop, sourceLabels: [__name__], regex: socket_pid_.*}]
    alerts: {enabled: true, labels: {release: prometheus}, alertLabels: {team: infrastructure}}
    recordingRules: {enabled: true, labels: {release: prometheus}}
    dashboards: {enabled: true, annotations: {grafana_folder: Sockets}}
    """

  private static func helm(_ arguments: String...) throws -> ChildProcess.Outcome {
    try Tools.outcome(of: [KubernetesTests.tools + "/helm"] + arguments)
  }

  /// What Helm makes of the chart, with values as `--set` takes them.
  private static func rendered(
    _ settings: String = "", release: String = "socket-exporter", chart: String = chart
  ) throws -> String {
    let outcome = try helm(
      "template", release, chart, "--namespace=socket-exporter", "--set=" + settings)
    guard outcome.exit == .code(0) else { throw TestFailure(outcome.errors) }
    return outcome.text
  }

  private static func renderedWithEverything() throws -> String {
    try Tools.withTemporaryDirectory { directory in
      let values = directory + "/values.yaml"
      try everything.write(toFile: values, atomically: true, encoding: .utf8)
      let linted = try helm("lint", "--strict", chart, "--values=" + values)
      #expect(linted.exit == .code(0), "\(linted.text)\(linted.errors)")
      return try Tools.run([
        KubernetesTests.tools + "/helm", "template", "everything", chart,
        "--namespace=monitoring", "--values=" + values,
      ]).text
    }
  }

  private static func objects(_ yaml: String) throws -> KubernetesObjects {
    try KubernetesObjects(yaml: yaml, readBy: KubernetesTests.tools + "/venv/bin/python3")
  }

  static let pairs: [(values: String, components: [String])] = [
    ("", []),
    ("netns=all", ["deploy/kubernetes/netns-all"]),
    ("groupBy=container", ["deploy/kubernetes/by-container"]),
    ("podMonitor.enabled=true,alerts.enabled=true", ["deploy/kubernetes/prometheus-operator"]),
    ("recordingRules.enabled=true", ["deploy/kubernetes/recording-rules"]),
    ("dashboards.enabled=true", ["dashboards"]),
  ]

  @Test(
    .enabled(if: KubernetesTests.isAvailable, KubernetesTests.unavailability),
    arguments: pairs.indices)
  func `the chart renders what kustomize builds`(_ index: Int) async throws {
    try await onBlockingThread {
      let (values, components) = Self.pairs[index]
      let theirs = try Self.objects(KubernetesTests.built(with: components))
      let ours = try Self.objects(Self.rendered(values))
      #expect(ours.differences(from: theirs) == [])
    }
  }

  @Test(.enabled(if: KubernetesTests.isAvailable, KubernetesTests.unavailability))
  func `with all switches it has all components`() async throws {
    try await onBlockingThread {
      let theirs = try Self.objects(KubernetesTests.built(with: Self.pairs.flatMap(\.components)))
      let switches = Self.pairs.map(\.values).filter { !$0.isEmpty }
      let ours = try Self.objects(Self.rendered(switches.joined(separator: ",")))
      #expect(ours.differences(from: theirs) == [])
      // The comparison sees what differs.
      let other = try Self.objects(Self.rendered("port=9478"))
      #expect(
        try other.differences(from: Self.objects(Self.rendered())).count == 4)
    }
  }

  @Test(.enabled(if: KubernetesTests.isAvailable, KubernetesTests.unavailability))
  func `Helm has nothing to say about the chart`() async throws {
    try await onBlockingThread {
      let linted = try Self.helm("lint", "--strict", Self.chart)
      #expect(linted.exit == .code(0))
      #expect(!linted.text.contains("WARNING"), "\(linted.text)")
    }
  }

  @Test(.enabled(if: KubernetesTests.isAvailable, KubernetesTests.unavailability))
  func `Kubernetes and the operator know everything that values can put there`() async throws {
    try await onBlockingThread {
      let manifests = try Self.renderedWithEverything()
      for part in [
        "kind: PodMonitor", "imagePullSecrets:", "nodeAffinity:", "appArmorProfile:",
        "sampleLimit: 2000000\n", "metricRelabelings:", "- --process.top=50",
      ] {
        #expect(manifests.contains(part), "\(part)")
      }
      // Since Kubernetes 1.30 this is a field; until then it is an annotation.
      let complaints = try KubernetesTests.complaints(about: manifests)
        .split(separator: "\n").filter { !$0.contains("'appArmorProfile' was unexpected") }
      #expect(complaints == [])
    }
  }

  @Test(
    .enabled(if: KubernetesTests.isAvailable, KubernetesTests.unavailability),
    arguments: [
      ("prot=9478", "property prot is not allowed"),
      ("image.tagg=1", "image: Additional property tagg is not allowed"),
      ("podMonitor.enable=true", "podMonitor: Additional property enable is not allowed"),
      ("resources.limit.memory=1Gi", "resources: Additional property limit is not allowed"),
      ("tolerations[0].operater=Exists", "property operater is not allowed"),
      ("securityContext.capabilities.add={SYS_ADMIN}", "property capabilities is not allowed"),
      ("netns=every", "netns must be one of"),
      ("backend=ebpf", "backend must be one of"),
      ("groupBy=name", "groupBy must be one of"),
      ("interval=5 s", "interval: Does not match"),
      ("port=94770", "port: Must be less than or equal to 65535"),
      ("extraArgs={process.top=50}", "extraArgs.0: Does not match"),
      ("extraArgs={--netns=all}", "extraArgs.0: Must not validate"),
      ("podLabels.app\\.kubernetes\\.io/name=other", "podLabels"),
      ("image.digest=sha256:5", "image.digest: Does not match"),
      ("alerts.runbookUrl=https://wiki.example.com", "alerts.runbookUrl: Does not match"),
      (
        "alerts.enabled=true,alerts.disabled={SocketCloseWait}",
        "alerts.disabled: there is no alert SocketCloseWait"
      ),
    ])
  func `a value that the chart does not know is refused`(
    _ settings: String, _ complaint: String
  ) async throws {
    try await onBlockingThread {
      let outcome = try Self.helm("template", "name", Self.chart, "--set", settings)
      #expect(outcome.exit == .code(1))
      #expect(outcome.errors.contains(complaint), "\(outcome.errors)")
    }
  }

  @Test(
    .enabled(if: KubernetesTests.isAvailable, KubernetesTests.unavailability),
    arguments: [
      ("backend=bpf", "BPF, PERFMON"),
      ("backend=procfs", "DAC_READ_SEARCH, SYS_PTRACE"),
      ("backend=bpf,groupBy=exe", "BPF, PERFMON, SYS_PTRACE"),
      ("backend=bpf,netns=all", "BPF, PERFMON, SYS_PTRACE, SYS_ADMIN"),
      ("backend=procfs,netns=all", "DAC_READ_SEARCH, SYS_PTRACE, SYS_ADMIN"),
    ])
  func `the capabilities are those that the flags take`(
    _ settings: String, _ capabilities: String
  ) async throws {
    try await onBlockingThread {
      let pod = try Self.rendered(settings)
      #expect(pod.contains("add: [\(capabilities)]\n"), "\(pod)")
      for setting in settings.split(separator: ",") {
        let flag = setting.replacing("groupBy", with: "process.group-by")
        #expect(pod.contains("- --\(flag)\n"), "\(flag)")
      }
    }
  }

  @Test(.enabled(if: KubernetesTests.isAvailable, KubernetesTests.unavailability))
  func `alerts can be routed, lead to other runbooks, and be left out`() async throws {
    try await onBlockingThread {
      let all = try Self.rendered("alerts.enabled=true")
      let ours = try Self.rendered(
        """
        alerts.enabled=true,alerts.alertLabels.team=sockets,\
        alerts.runbookUrl=https://wiki.example.com/{alert}?from=alert,\
        alerts.disabled[0]=SocketConntrackHigh,alerts.disabled[1]=SocketExporterDown
        """)
      func count(_ pattern: some RegexComponent, in text: String) -> Int {
        text.matches(of: pattern).count
      }
      let alert = /- alert:/
      let disabled = /- alert: (SocketConntrackHigh|SocketExporterDown)\n/
      #expect(count(disabled, in: all) == 4)
      #expect(count(disabled, in: ours) == 0)
      #expect(count(alert, in: ours) == count(alert, in: all) - 4)
      #expect(count(/\n +severity: \w+\n +team: sockets\n/, in: ours) == count(alert, in: ours))
      #expect(count(/socket-exporter\.example\/docs/, in: ours) == 0)
      #expect(ours.contains("https://wiki.example.com/SocketCloseWaitHigh?from=alert\n"))
    }
  }

  @Test(.enabled(if: KubernetesTests.isAvailable, KubernetesTests.unavailability))
  func `two releases select pods of their own, and are one job`() async throws {
    try await onBlockingThread {
      let release = try Self.rendered("podMonitor.enabled=true", release: "pool-b")
      let label = "\n +app.kubernetes.io/"
      let selector = try Regex(
        "matchLabels:\(label)name: socket-exporter\(label)instance: \"pool-b\"\n")
      // The DaemonSet's and the PodMonitor's.
      #expect(release.matches(of: selector).count == 2)
      #expect(release.contains("jobLabel: app.kubernetes.io/name\n"))
      #expect(release.contains("name: \"pool-b-socket-exporter\"\n"))
    }
  }

  /// As a user gets it who has not got this repository, and as a part of another chart.
  @Test(.enabled(if: KubernetesTests.isAvailable, KubernetesTests.unavailability))
  func `packed, it renders the same, also for a chart that depends on it`() async throws {
    try await onBlockingThread {
      try Tools.withTemporaryDirectory { directory in
        let packed = try Self.helm("package", Self.chart, "--destination=\(directory)/charts")
        #expect(packed.exit == .code(0), "\(packed.errors)")
        let version = try Tools.run([Repository.path("packaging/version")]).text
          .trimmingCharacters(in: .newlines)
        let file = "\(directory)/charts/socket-exporter-\(version).tgz"
        let switches = Self.pairs.map(\.values).filter { !$0.isEmpty }
        let ours = try Self.objects(Self.rendered(switches.joined(separator: ",")))
        let theirs = try Self.objects(
          Self.rendered(switches.joined(separator: ","), chart: file))
        #expect(theirs.differences(from: ours) == [])

        try """
        apiVersion: v2
        name: monitoring
        version: 0.0.1
        dependencies:
          - {name: socket-exporter, version: \(version), condition: socket-exporter.enabled}
        """.write(toFile: directory + "/Chart.yaml", atomically: true, encoding: .utf8)
        let within =
          switches.flatMap { $0.split(separator: ",") }
          .map { "socket-exporter.\($0)" } + ["socket-exporter.enabled=true", "global.a=b"]
        let part = try Self.objects(
          Self.rendered(within.joined(separator: ","), chart: directory))
        #expect(part.differences(from: ours) == [])
      }
    }
  }

  /// As from where links are left out.
  @Test(
    .enabled(if: KubernetesTests.isAvailable, KubernetesTests.unavailability),
    arguments: ["alerts", "recordingRules", "dashboards"])
  func `a chart without its links says so`(_ part: String) async throws {
    try await onBlockingThread {
      try Tools.withTemporaryDirectory { directory in
        let copy = directory + "/socket-exporter"
        try Tools.run(["cp", "--recursive", "--no-dereference", Self.chart, copy])
        try Tools.run(["find", copy, "-type", "l", "-delete"])
        let outcome = try Self.helm("template", "name", copy, "--set=\(part).enabled=true")
        #expect(outcome.exit == .code(1))
        #expect(outcome.errors.contains("is missing from this chart"), "\(outcome.errors)")
      }
    }
  }

  @Test func `the versions are the program's`() async throws {
    let chart = try Repository.text(Self.directory + "/Chart.yaml")
    let version = try Tools.run([Repository.path("packaging/version")]).text
    #expect(chart.contains("\nversion: \(version)appVersion: \(version)"))
  }
}
