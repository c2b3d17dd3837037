/// Chooses what to answer from what a client says it accepts (RFC 9110, section 12).
package enum ContentNegotiation {
  /// The format for an `Accept` header. OpenMetrics only where the client prefers it: a client that
  /// accepts anything, nothing that we have, or cannot be understood, gets text.
  package static func format(accept header: String?) -> ExpositionFormat {
    guard let header else { return .text }
    let ranges = AcceptedRange.list(in: header)
    let text = quality(
      of: "text/plain", version: "0.0.4", in: ranges)
    let openMetrics = quality(
      of: "application/openmetrics-text", version: "1.0.0", in: ranges)
    // Equal preference for both, as in `*/*`, is no preference.
    return openMetrics > text ? .openMetrics : .text
  }

  /// Whether an `Accept-Encoding` header allows gzip, and likes it no less than no encoding.
  package static func acceptsGzip(acceptEncoding header: String?) -> Bool {
    guard let header else { return false }
    let codings = AcceptedRange.list(in: header)
    func quality(_ names: String...) -> Int? {
      for name in names {
        if let coding = codings.first(where: { $0.name == name }) { return coding.quality }
      }
      return nil
    }
    let gzip = quality("gzip", "x-gzip", "*") ?? 0
    return gzip > 0 && gzip >= quality("identity") ?? 0
  }

  /// The quality that the most specific range gives to a media type: 0 to 1000.
  private static func quality(
    of type: String, version: String, in ranges: [AcceptedRange]
  ) -> Int {
    let family = type.prefix { $0 != "/" } + "/*"
    var best = (specificity: -1, quality: 0)
    for range in ranges {
      let specificity: Int
      switch range.name {
      case type:
        guard range.version == nil || range.version == version else { continue }
        specificity = range.version == nil ? 2 : 3
      case String(family): specificity = 1
      case "*/*", "*": specificity = 0
      default: continue
      }
      if specificity > best.specificity { best = (specificity, range.quality) }
    }
    return best.quality
  }
}

/// One element of an `Accept` or `Accept-Encoding` list.
struct AcceptedRange: Equatable {
  /// The media type or coding, in lower case.
  var name: String
  /// The `version` parameter, where there is one.
  var version: String?
  /// Thousandths: 0 (not acceptable) to 1000.
  var quality = 1000

  /// Reads a header's list. An element that cannot be understood is passed over.
  static func list(in header: String) -> [AcceptedRange] {
    split(header, at: ",").compactMap { element in
      let parts = split(element, at: ";").map(trimmed)
      guard let name = parts.first, !name.isEmpty else { return nil }
      var range = AcceptedRange(name: name.lowercased())
      for parameter in parts.dropFirst() {
        let pair = parameter.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard pair.count == 2 else { continue }
        let value = unquoted(trimmed(pair[1]))
        switch trimmed(pair[0]).lowercased() {
        case "q":
          guard let quality = parseQuality(value) else { return nil }
          range.quality = quality
        case "version": range.version = value
        default: break
        }
      }
      return range
    }
  }

  /// Splits at a separator, but not within quotes.
  private static func split(_ text: some StringProtocol, at separator: Character) -> [String] {
    var parts = [""]
    var isQuoted = false
    for character in text {
      if character == "\"" { isQuoted.toggle() }
      if character == separator, !isQuoted {
        parts.append("")
      } else {
        parts[parts.count - 1].append(character)
      }
    }
    return parts
  }

  private static func trimmed(_ text: some StringProtocol) -> String {
    var text = Substring(text)
    while text.first == " " || text.first == "\t" { text.removeFirst() }
    while text.last == " " || text.last == "\t" { text.removeLast() }
    return String(text)
  }

  private static func unquoted(_ text: String) -> String {
    text.count >= 2 && text.first == "\"" && text.last == "\""
      ? String(text.dropFirst().dropLast()) : text
  }

  /// `0` to `1` with up to three decimals, as RFC 9110 writes a quality; nil for anything else.
  private static func parseQuality(_ text: String) -> Int? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard let whole = parts.first, whole == "0" || whole == "1", parts.count <= 2 else {
      return nil
    }
    let decimals = parts.count == 2 ? parts[1] : ""
    guard decimals.count <= 3, decimals.allSatisfy({ $0.isASCII && $0.isNumber }) else {
      return nil
    }
    let padded = decimals + String(repeating: "0", count: 3 - decimals.count)
    guard let thousandths = Int(padded) else { return nil }
    let quality = (whole == "1" ? 1000 : 0) + thousandths
    return quality <= 1000 ? quality : nil
  }
}
