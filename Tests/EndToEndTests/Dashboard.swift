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
  }

  struct Position: Decodable {
    let x: Int
    let y: Int
    let w: Int
    let h: Int
  }

  struct Panel: Decodable {
    struct FieldConfig: Decodable {
      struct Defaults: Decodable {
        let unit: String?
      }
      let defaults: Defaults
    }

    let id: Int
    let type: String
    let title: String
    let description: String?
    let gridPos: Position
    let datasource: DataSource?
    let targets: [Target]?
    let fieldConfig: FieldConfig?
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
    let type: String
    let query: Query
    let datasource: DataSource?
  }

  struct Templating: Decodable {
    let list: [Variable]
  }

  let uid: String
  let panels: [Panel]
  let templating: Templating

  static let all = ["overview.json"]

  init(_ name: String) throws {
    let file = URL(filePath: Repository.path("dashboards/" + name))
    self = try JSONDecoder().decode(Dashboard.self, from: Data(contentsOf: file))
  }

  /// An expression as Grafana sends it when everything is selected.
  static func substituteVariables(in expression: String) -> String {
    var text = expression
    for variable in ["$job", "$instance", "$process"] { text.replace(variable, with: ".+") }
    text.replace("$__rate_interval", with: "10s")
    return text
  }
}
