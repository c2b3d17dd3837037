import Foundation
import TestSupport
import Testing

/// `deploy/compose/compose.yaml`, as docker-compose reads it.
struct ComposeFile: Decodable {
  struct Service: Decodable {
    struct Build: Decodable {
      let context: String
      let dockerfile: String
    }

    let image: String
    let build: Build?
    let command: [String]?
    let environment: [String: String]?
    let volumes: [String]?
    let networkMode: String?

    private enum CodingKeys: String, CodingKey {
      case image, build, command, environment, volumes
      case networkMode = "network_mode"
    }
  }

  /// A file or directory of this repository that a container sees.
  struct Mount {
    let source: String
    let target: String
    let isReadOnly: Bool
  }

  static let isReadable =
    Tools.areInstalled("docker-compose")
    && (try? Tools.run(["/usr/bin/python3", "-c", "import yaml"])) != nil
  static let unreadability: Comment = "needs docker-compose and python3-yaml"

  static let directory = Repository.path("deploy/compose")

  let services: [String: Service]
  let volumes: [String: [String: String]]

  /// - Parameter variables: what its variables are to be.
  static func read(_ variables: [String: String] = [:]) throws -> ComposeFile {
    try Tools.withTemporaryDirectory { temporary in
      // What is newer than Debian's docker-compose, and needed: without it, all projects in a directory of
      // this name would be one.
      let text = try Repository.text("deploy/compose/compose.yaml")
      let name = "\nname: socket-exporter\n"
      guard text.contains(name) else { throw TestFailure("the project has no name") }
      let file = temporary + "/compose.yaml"
      try text.replacing(name, with: "\n").write(toFile: file, atomically: true, encoding: .utf8)
      let read = try Tools.run(
        ["env"] + variables.map { "\($0.key)=\($0.value)" }
          + ["docker-compose", "--file", file, "--project-directory", directory, "config"])
      let plain = temporary + "/plain.yaml"
      try read.text.write(toFile: plain, atomically: true, encoding: .utf8)
      return try yaml(plain)
    }
  }

  /// Any file of YAML.
  static func yaml<Value: Decodable>(_ file: String, as type: Value.Type = Value.self) throws
    -> Value
  {
    let json = try Tools.run([
      "/usr/bin/python3", "-c",
      "import json, sys, yaml; json.dump(yaml.safe_load(open(sys.argv[1])), sys.stdout)", file,
    ])
    return try JSONDecoder().decode(Value.self, from: Data(json.output))
  }

  /// The directories of this host that a service sees; not the volumes, which are the engine's.
  func mounts(of service: String) throws -> [Mount] {
    try #require(services[service]).volumes?.compactMap { volume in
      let parts = volume.split(separator: ":").map(String.init)
      guard parts.count == 3, volumes[parts[0]] == nil else { return nil }
      return Mount(source: parts[0], target: parts[1], isReadOnly: parts[2] == "ro")
    } ?? []
  }

  /// The command of a service for this host: what it would see is where it is, and volumes are here.
  func command(of service: String, volumesIn directory: String) throws -> [String] {
    let mounts = try mounts(of: service)
    return try #require(services[service]?.command).map { argument in
      guard let path = argument.firstMatch(of: /=(\/.*)/)?.1 else { return argument }
      guard let mount = mounts.first(where: { path.hasPrefix($0.target + "/") }) else {
        return argument.replacing("=/", with: "=\(directory)/")
      }
      return argument.replacing("=" + mount.target, with: "=" + mount.source)
    }
  }
}
