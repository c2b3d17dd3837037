import Foundation

/// The parts of a Grafana dashboard that can be wrong without Grafana saying so.
struct Dashboard: Decodable {
  struct DataSource: Decodable, Equatable {
    let type: String
    let uid: String
  }

  struct Target: Decodable {
    let refId: String
    let expr: String
    let datasource: DataSource?
    let range: Bool
  }

  struct Position: Decodable {
    let x: Int
    let y: Int
    let w: Int
    let h: Int
  }

  struct Link: Decodable {
    let title: String
    let url: String
  }

  struct Thresholds: Decodable {
    struct Step: Decodable {
      let color: String
      let value: Double?
    }

    let steps: [Step]
  }

  struct FieldConfig: Decodable {
    struct Defaults: Decodable {
      let unit: String?
      let thresholds: Thresholds?
      let links: [Link]?
    }

    struct Override: Decodable {
      struct Matcher: Decodable {
        let id: String
        let options: String
      }

      let matcher: Matcher
      let properties: [Property]

      var unit: String? {
        for case .unit(let unit) in properties { return unit }
        return nil
      }

      var thresholds: Thresholds? {
        for case .thresholds(let thresholds) in properties { return thresholds }
        return nil
      }

      var links: [Link] {
        for case .links(let links) in properties { return links }
        return []
      }
    }

    enum Property: Decodable {
      case unit(String)
      case thresholds(Thresholds)
      case links([Link])
      case other(String)

      private enum CodingKeys: String, CodingKey {
        case id
        case value
      }

      init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let id = try container.decode(String.self, forKey: .id)
        self =
          switch id {
          case "unit": .unit(try container.decode(String.self, forKey: .value))
          case "thresholds": .thresholds(try container.decode(Thresholds.self, forKey: .value))
          case "links": .links(try container.decode([Link].self, forKey: .value))
          default: .other(id)
          }
      }
    }

    let defaults: Defaults
    let overrides: [Override]
  }

  struct Panel: Decodable {
    let id: Int
    let type: String
    let title: String
    let description: String?
    let gridPos: Position
    let datasource: DataSource?
    let links: [Link]?
    let targets: [Target]?
    let fieldConfig: FieldConfig?

    /// The thresholds of the panel and of its parts, with the links that stand beside each.
    var thresholds: [(steps: [Thresholds.Step], links: [Link])] {
      guard let fieldConfig else { return [] }
      let parts = fieldConfig.overrides.map { ($0.thresholds, $0.links) }
      return ([(fieldConfig.defaults.thresholds, links ?? [])] + parts).compactMap { found, links in
        // The first step is the colour below all thresholds.
        found.map { (steps: Array($0.steps.dropFirst()), links: links) }
      }.filter { !$0.steps.isEmpty }
    }

    /// Of which severity it counts the alerts that fire, if that is all it does.
    var countsAlerts: String? {
      guard let targets, targets.count == 1 else { return nil }
      return targets[0].expr.wholeMatch(
        of: /count\(ALERTS\{[^}]*severity="(\w+)"\}\) or vector\(0\)/
      ).map { String($0.1) }
    }

    /// The links of its values.
    var dataLinks: [Link] {
      guard let fieldConfig else { return [] }
      return (fieldConfig.defaults.links ?? []) + fieldConfig.overrides.flatMap(\.links)
    }
  }

  struct Variable: Decodable {
    struct Query: Decodable {
      let text: String

      private enum CodingKeys: String, CodingKey {
        case query
      }

      /// A string where the type of variable needs no more, else an object with the string in it.
      init(from decoder: any Decoder) throws {
        if let text = try? decoder.singleValueContainer().decode(String.self) {
          self.text = text
        } else {
          text = try decoder.container(keyedBy: CodingKeys.self)
            .decode(String.self, forKey: .query)
        }
      }
    }

    let name: String
    let label: String
    let type: String
    let query: Query
    let datasource: DataSource?
    let multi: Bool?
    let allValue: String?
    let refresh: Int?
  }

  struct Templating: Decodable {
    let list: [Variable]
  }

  struct Annotation: Decodable {
    let name: String
    let expr: String
    let datasource: DataSource
  }

  struct Annotations: Decodable {
    let list: [Annotation]
  }

  let uid: String
  let title: String
  let editable: Bool
  let links: [Link]
  let panels: [Panel]
  let templating: Templating
  let annotations: Annotations

  static let all = [
    "overview.json", "close-wait.json", "processes.json", "listeners.json", "exporter.json",
  ]

  init(_ name: String) throws {
    try self.init(json: Repository.text("dashboards/" + name))
  }

  init(json: String) throws {
    self = try JSONDecoder().decode(Dashboard.self, from: Data(json.utf8))
  }

  /// Every link there is.
  var everyLink: [Link] {
    links + panels.flatMap { ($0.links ?? []) + $0.dataLinks }
  }

  /// An expression as Grafana sends it when everything is selected.
  static func substituteVariables(in expression: String, range: String = "1m") -> String {
    var text = expression
    for variable in ["$job", "$instance", "$process"] { text.replace(variable, with: ".+") }
    text.replace("$netns", with: ".*")
    text.replace("$__rate_interval", with: "10s")
    text.replace("$__range", with: range)
    return text
  }
}
