import Foundation
import TestSupport
import Testing

/// An Alertmanager that runs on a test's host, with the configuration that is shipped.
final class AlertmanagerServer {
  static let isInstalled = Tools.areInstalled("prometheus-alertmanager", "curl")
  static let unavailability: Comment = "needs prometheus-alertmanager and curl"

  /// Where the shipped configuration of Prometheus looks for it.
  private static let address = "127.0.0.1:9093"
  private let process: ChildProcess

  /// Starts the server and waits until it answers. Whoever it is to notify is one webhook receiver.
  init(on host: TestHost) throws {
    let file = host.directory + "/alertmanager.yml"
    try Self.hurriedConfiguration().write(toFile: file, atomically: true, encoding: .utf8)
    process = try host.start([
      "prometheus-alertmanager", "--config.file", file,
      "--storage.path", host.directory + "/alertmanager", "--log.level", "warn",
      "--web.listen-address", Self.address, "--cluster.listen-address=",
    ])
    _ = try eventually("Alertmanager answers") {
      Thread.sleep(forTimeInterval: 0.1)
      return try host.run(["curl", "-sf", "http://\(Self.address)/-/ready"]).exit == .code(0)
        ? true : nil
    }
  }

  /// The shipped configuration with seconds for all waits, and for every receiver the same.
  private static func hurriedConfiguration() throws -> String {
    var text = try Repository.text("deploy/alertmanager/alertmanager.yml")
    let replacements = [
      // Long enough for a warning and the critical alert that inhibits it to arrive both.
      (/\bgroup_wait: *\S+/, "group_wait: 2s"),
      (/\bgroup_interval: *\S+/, "group_interval: 1s"),
      (/\burl: *https?:\/\/[^\/\s]+/, "url: http://\(WebhookReceiver.address)"),
    ]
    for (shipped, replacement) in replacements {
      guard text.contains(shipped) else {
        throw TestFailure("nothing in the configuration to become \(replacement)")
      }
      text.replace(shipped, with: replacement)
    }
    return text
  }
}
