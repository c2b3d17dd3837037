internal import Metrics

/// The page at `/`: where to go from here.
enum LandingPage {
  /// - Parameter sampleAge: nil before the first sample.
  static func html(build: BuildInfo, telemetryPath: String, sampleAge: Duration?) -> String {
    let sample = sampleAge.map { "The latest sample is \($0.seconds) s old." } ?? "No sample yet."
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>socket-exporter</title>
      <style>
      body { font: 16px/1.5 system-ui, sans-serif; max-width: 40em; margin: 3em auto; padding: 0 1em; }
      code { background: #eee; padding: 0 .3em; }
      </style>
      </head>
      <body>
      <h1>socket-exporter</h1>
      <p>Version <code>\(escaped(build.version))</code>, revision
      <code>\(escaped(build.revision))</code>. \(sample)</p>
      <ul>
      <li><a href="\(escaped(telemetryPath))">Metrics</a></li>
      <li><a href="/-/healthy">Health</a>: the process answers</li>
      <li><a href="/-/ready">Readiness</a>: it has a fresh sample</li>
      </ul>
      </body>
      </html>

      """
  }

  private static func escaped(_ text: String) -> String {
    var result = ""
    for character in text {
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      default: result.append(character)
      }
    }
    return result
  }
}
