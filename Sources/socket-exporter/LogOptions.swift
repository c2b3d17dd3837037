internal import ArgumentParser
internal import Logging

/// How to log, the same for every command.
struct LogOptions: ParsableArguments {
  enum Level: String, ExpressibleByArgument, CaseIterable {
    case debug, info, warn, error

    var level: Logger.Level {
      switch self {
      case .debug: .debug
      case .info: .info
      case .warn: .warning
      case .error: .error
      }
    }
  }

  @Option(
    name: .customLong("log.level"),
    help: ArgumentHelp("Log this level and those above.", valueName: "level"))
  var level = Level.info

  @Option(
    name: .customLong("log.format"),
    help: ArgumentHelp("How log lines are written, to stderr.", valueName: "format"))
  var format = LineLogHandler.Format.logfmt

  var logger: Logger {
    let handler = LineLogHandler(format: format, logLevel: level.level)
    return Logger(label: "socket-exporter") { _ in handler }
  }
}

extension LineLogHandler.Format: ExpressibleByArgument {}
