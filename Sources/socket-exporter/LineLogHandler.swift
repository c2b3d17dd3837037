internal import Glibc
internal import LinuxIO
internal import Logging

/// Writes log records to standard error, each as one line and by one write.
struct LineLogHandler: LogHandler {
  enum Format: String, CaseIterable, Sendable {
    case logfmt, json
  }

  let format: Format
  var logLevel: Logger.Level
  var metadata: Logger.Metadata = [:]

  init(format: Format, logLevel: Logger.Level) {
    self.format = format
    self.logLevel = logLevel
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var fields = [
      ("time", timestamp()), ("level", Self.name(of: event.level)), ("msg", "\(event.message)"),
    ]
    let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
    fields += all.sorted { $0.key < $1.key }.map { ($0.key, "\($0.value)") }
    StandardError.write(Self.line(fields, format: format))
  }

  /// One record as a line, its newline included.
  static func line(_ fields: [(key: String, value: String)], format: Format) -> String {
    switch format {
    case .logfmt:
      fields.map { "\($0.key)=\(logfmtValue($0.value))" }.joined(separator: " ") + "\n"
    case .json:
      "{" + fields.map { "\(jsonString($0.key)):\(jsonString($0.value))" }.joined(separator: ",")
        + "}\n"
    }
  }

  private static func name(of level: Logger.Level) -> String {
    switch level {
    case .trace, .debug: "debug"
    case .info, .notice: "info"
    case .warning: "warn"
    case .error, .critical: "error"
    }
  }

  private static func logfmtValue(_ value: String) -> String {
    let isPlain =
      !value.isEmpty
      && value.unicodeScalars.allSatisfy {
        $0.value > 0x20 && $0 != "\"" && $0 != "=" && $0 != "\\"
      }
    return isPlain ? value : jsonString(value)
  }

  /// A quoted string as RFC 8259 wants it.
  private static func jsonString(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\t": result += "\\t"
      case _ where scalar.value < 0x20 || scalar.value == 0x7f:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  /// The time in UTC with milliseconds, as RFC 3339 writes it.
  private func timestamp() -> String {
    let (seconds, attoseconds) = SystemClock.sinceEpoch.components
    var time = time_t(seconds)
    var parts = unsafe tm()
    _ = unsafe gmtime_r(&time, &parts)
    func padded(_ number: some BinaryInteger, _ width: Int = 2) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    let year = unsafe padded(parts.tm_year + 1900, 4)
    let (month, day) = unsafe (padded(parts.tm_mon + 1), padded(parts.tm_mday))
    let (hour, minute) = unsafe (padded(parts.tm_hour), padded(parts.tm_min))
    let second = unsafe padded(parts.tm_sec)
    let millisecond = padded(attoseconds / 1_000_000_000_000_000, 3)
    return "\(year)-\(month)-\(day)T\(hour):\(minute):\(second).\(millisecond)Z"
  }
}
