import Foundation
import TestSupport
import Testing

/// What can be said of `deploy/compose` without a container engine and images: the commands of all but
/// Grafana are run as they are, by Debian's programs.
@Suite(.enabled(if: ComposeFile.isReadable, ComposeFile.unreadability))
struct ComposeTests {
  @Test func `what containers see of this repository is there, and they cannot change it`() throws {
    let file = try ComposeFile.read()
    var seen: Set<String> = []
    for service in file.services.keys {
      for mount in try file.mounts(of: service) {
        #expect(FileManager.default.fileExists(atPath: mount.source), "\(service)")
        #expect(mount.isReadOnly, "\(service): \(mount.target)")
        seen.insert(URL(filePath: mount.source).lastPathComponent)
      }
    }
    #expect(seen == ["alertmanager", "dashboards", "grafana", "prometheus"])
  }

  @Test(
    .enabled(
      if: FileManager.default.fileExists(atPath: Repository.path("packaging")),
      "this repository does not say how to build the image"))
  func `the image can be built from this repository`() throws {
    let build = try #require(try ComposeFile.read().services["exporter"]?.build)
    #expect(build.context + "/" == Repository.path(""))
    #expect(FileManager.default.fileExists(atPath: build.context + "/" + build.dockerfile))
  }

  @Test func `other images are pinned to a version`() throws {
    let file = try ComposeFile.read()
    for (service, description) in file.services where description.build == nil {
      #expect(description.image.contains(/:v?\d+\.\d+\.\d+$/), "\(service)")
    }
  }

  /// Grafana is not there to be run, so its address is looked up.
  @Test(
    .enabled(if: TestHost.isAvailable, TestHost.unavailability),
    .enabled(if: PrometheusServer.isInstalled, PrometheusServer.unavailability),
    .enabled(if: AlertmanagerServer.isInstalled, AlertmanagerServer.unavailability),
    .enabled(if: Tools.areInstalled("ss"), "needs ss"),
    // It counts from when all tests begin, not from when this one gets a thread.
    .timeLimit(.minutes(60)))
  func `the commands run, find each other, and listen on loopback only`() async throws {
    let file = try ComposeFile.read(["PROMETHEUS_PORT": "9190"])
    #expect(file.services.values.allSatisfy { $0.networkMode == "host" })
    #expect(file.services["grafana"]?.environment?["GF_SERVER_HTTP_ADDR"] == "127.0.0.1")
    try await TestHost.run { host in
      for (service, program) in [
        ("exporter", Exporter.path), ("alertmanager", "prometheus-alertmanager"),
        ("prometheus", "prometheus"),
      ] {
        _ = try host.start(
          [program] + file.command(of: service, volumesIn: host.directory))
      }
      let prometheus = "http://127.0.0.1:9190"
      func answer(_ path: String) throws -> String {
        try host.run(["curl", "-s", prometheus + path]).text
      }
      // All three start at the same time: a first scrape may come before there is somebody to answer it.
      func wait(for text: String, at path: String) throws {
        try eventually("\(path) has \(text)") {
          Thread.sleep(forTimeInterval: 0.2)
          return try answer(path).contains(text) ? true : nil
        }
      }
      let up = "/api/v1/query?query=up%7Binstance=%22localhost:9477%22%7D"
      try wait(for: #","1"]"#, at: up)
      try wait(for: #""name":"SocketCloseWaitHigh""#, at: "/api/v1/rules")
      try wait(
        for: #"{"activeAlertmanagers":[{"url":"http://localhost:9093/"#,
        at: "/api/v1/alertmanagers")
      try eventually("Alertmanager is ready") {
        Thread.sleep(forTimeInterval: 0.2)
        return try host.run(["curl", "-sf", "http://127.0.0.1:9093/-/ready"]).exit == .code(0)
          ? true : nil
      }

      let listening = try host.shell("ss -Htln").split(separator: "\n")
      #expect(listening.count == 3)
      for line in listening { #expect(line.contains(" 127.0.0.1:"), "\(line)") }
      // And nothing by UDP, as a cluster would.
      #expect(try host.shell("ss -Huln").isEmpty)
    }
  }

  @Test func `Grafana is told where Prometheus is, and how often it scrapes`() throws {
    struct Provisioned: Decodable {
      struct DataSource: Decodable {
        struct Options: Decodable { let timeInterval: String }
        let type: String
        let url: String
        let isDefault: Bool
        let jsonData: Options
      }
      let apiVersion: Int
      let datasources: [DataSource]
    }
    let file = try ComposeFile.read(["PROMETHEUS_PORT": "9190", "GRAFANA_PORT": "3100"])
    let provisioning = try directory(seenAs: "/etc/grafana/provisioning", in: file)
    let provisioned: Provisioned = try ComposeFile.yaml(
      provisioning + "/datasources/prometheus.yaml")
    #expect(provisioned.apiVersion == 1)
    try #require(provisioned.datasources.count == 1)
    let source = provisioned.datasources[0]
    #expect(source.isDefault)
    #expect(source.url == "$PROMETHEUS_URL")
    let environment = try #require(file.services["grafana"]?.environment)
    #expect(environment["PROMETHEUS_URL"] == "http://127.0.0.1:9190")
    #expect(environment["GF_SERVER_HTTP_PORT"] == "3100")
    #expect(
      try #require(file.services["prometheus"]?.command).contains(
        "--web.listen-address=127.0.0.1:9190"))
    let interval = try Repository.text("deploy/prometheus/prometheus.yml")
      .firstMatch(of: /\n +scrape_interval: (\S+)\n/)
    #expect(try #require(interval).1 == source.jsonData.timeInterval)

    // All panels ask the variable, and that takes the default one of its type.
    for name in Dashboard.all {
      let text = try Repository.text("dashboards/" + name)
      let uids = text.matches(of: /"datasource": \{\s+"type": "([^"]*)",\s+"uid": "([^"]*)"\s+\}/)
      #expect(!uids.isEmpty)
      for uid in uids { #expect(uid.1 == source.type && uid.2 == "${datasource}", "\(name)") }
      let variable = try #require(
        text.firstMatch(of: /"name": "datasource",\s+"label": "[^"]*",\s+"query": "([^"]*)"/))
      #expect(variable.1 == source.type, "\(name)")
    }
  }

  @Test func `Grafana finds the five dashboards, and nothing else`() throws {
    struct Provisioned: Decodable {
      struct Provider: Decodable {
        struct Options: Decodable { let path: String }
        let type: String
        let options: Options
      }
      let apiVersion: Int
      let providers: [Provider]
    }
    let file = try ComposeFile.read()
    let provisioning = try directory(seenAs: "/etc/grafana/provisioning", in: file)
    let provisioned: Provisioned = try ComposeFile.yaml(
      provisioning + "/dashboards/socket-exporter.yaml")
    #expect(provisioned.apiVersion == 1)
    try #require(provisioned.providers.map(\.type) == ["file"])
    let path = provisioned.providers[0].options.path
    let dashboards = try directory(seenAs: path, in: file)
    // It looks into directories as well.
    let found = try FileManager.default.subpathsOfDirectory(atPath: dashboards)
      .filter { $0.hasSuffix(".json") }
    #expect(Set(found) == Set(Dashboard.all))
    let home = try #require(
      file.services["grafana"]?.environment?["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    #expect(Dashboard.all.contains { home == path + "/" + $0 })
  }

  private func directory(seenAs target: String, in file: ComposeFile) throws -> String {
    try #require(try file.mounts(of: "grafana").first { $0.target == target }).source
  }
}
