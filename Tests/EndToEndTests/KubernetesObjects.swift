import Foundation
import TestSupport

/// What manifests say, for comparing: each object by its kind and name, as sorted lines of JSON.
struct KubernetesObjects {
  let byName: [String: [String]]

  /// Whatever wrote them, these labels of an object are there for people; nothing selects by them.
  private static let informative = [
    "app.kubernetes.io/name", "app.kubernetes.io/part-of", "app.kubernetes.io/version",
    "app.kubernetes.io/managed-by", "helm.sh/chart",
  ]

  init(yaml: String, readBy python: String) throws {
    let json = try Tools.withTemporaryDirectory { directory in
      let file = directory + "/manifests.yaml"
      try yaml.write(toFile: file, atomically: true, encoding: .utf8)
      let program = """
        import json, sys, yaml
        documents = yaml.load_all(open(sys.argv[1]), yaml.CSafeLoader)
        json.dump([document for document in documents if document], sys.stdout)
        """
      return try Tools.run([python, "-c", program, file]).output
    }
    guard let objects = try JSONSerialization.jsonObject(with: Data(json)) as? [[String: Any]]
    else { throw TestFailure("no objects") }
    var byName: [String: [String]] = [:]
    for object in objects {
      guard let kind = object["kind"], var metadata = object["metadata"] as? [String: Any],
        let name = metadata["name"]
      else { throw TestFailure("an object without a name") }
      metadata["labels"] = (metadata["labels"] as? [String: Any])?
        .filter { !Self.informative.contains($0.key) }
      let compared = object.merging(["metadata": metadata]) { $1 }
      let lines = try JSONSerialization.data(
        withJSONObject: Self.plain(compared), options: [.sortedKeys, .prettyPrinted])
      byName["\(kind) \(name)"] = String(decoding: lines, as: UTF8.self)
        .split(separator: "\n").map(String.init)
    }
    self.byName = byName
  }

  /// A value without what differs between kustomize and Helm, and means nothing.
  private static func plain(_ value: Any) -> Any {
    if let list = value as? [Any] { return list.map(plain) }
    guard var object = value as? [String: Any] else { return value }
    // The name of Helm's release: it is in the labels of the pods and in all that selects by them.
    object["app.kubernetes.io/instance"] = nil
    // kustomize doubles some ends of lines.
    if let expression = object["expr"] as? String {
      object["expr"] = expression.replacing(/\n+/, with: "\n")
    }
    return object.mapValues(plain)
  }

  /// The lines that are not in both, each with its object.
  func differences(from other: KubernetesObjects) -> [String] {
    Set(byName.keys).union(other.byName.keys).sorted().flatMap { name in
      let ours = byName[name] ?? []
      return ours.difference(from: other.byName[name] ?? []).map { change in
        switch change {
        case .insert(_, let line, _): "\(name): +\(line)"
        case .remove(_, let line, _): "\(name): -\(line)"
        }
      }
    }
  }
}
