import Foundation
import TestSupport
import Testing

/// The parsers of Prometheus' Python client: the reference reader of OpenMetrics, and a reader of the
/// text format that nobody here wrote.
enum PythonReader {
  struct Sample: Hashable {
    let name: String
    let labels: [String: String]
    let value: Double
  }

  /// A Python that has the parsers; the variable names one that is elsewhere.
  private static let interpreter: String? = {
    let named = ProcessInfo.processInfo.environment["SOCKET_EXPORTER_PYTHON"]
    let candidates = [named].compactMap(\.self) + ["python3", "/usr/bin/python3"]
    return candidates.first { candidate in
      (try? Tools.run([candidate, "-c", "import prometheus_client.openmetrics.parser"])) != nil
    }
  }()

  static let isAvailable = interpreter != nil
  static let unavailability: Comment =
    "needs python3-prometheus-client, or SOCKET_EXPORTER_PYTHON with such a Python"

  /// Prints what the parser read: a line a sample, in JSON because labels may hold anything.
  private static let program = """
    import json, sys
    if sys.argv[1] == "openmetrics":
        from prometheus_client.openmetrics.parser import text_fd_to_metric_families
    else:
        from prometheus_client.parser import text_fd_to_metric_families
    with open(sys.argv[2], encoding="utf-8", newline="\\n") as page:
        for family in text_fd_to_metric_families(page):
            for sample in family.samples:
                print(json.dumps([sample.name, sample.labels, str(float(sample.value))]))
    """

  /// Reads a page; throws where the parser does.
  static func samples(
    _ page: [UInt8], as format: MetricPage.Format
  ) throws -> Set<Sample> {
    guard let interpreter else { throw TestFailure("\(unavailability)") }
    let printed = try Tools.withTemporaryDirectory { directory in
      let file = directory + "/page"
      try Data(page).write(to: URL(filePath: file))
      let name = format == .openMetrics ? "openmetrics" : "text"
      return try Tools.run([interpreter, "-c", program, name, file])
    }
    return Set(try printed.text.split(separator: "\n").map(sample))
  }

  private static func sample(_ line: Substring) throws -> Sample {
    guard
      let fields = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [Any],
      fields.count == 3, let name = fields[0] as? String,
      let labels = fields[1] as? [String: String],
      let text = fields[2] as? String, let value = Double(text)
    else { throw TestFailure("not a sample: \(line)") }
    return Sample(name: name, labels: labels, value: value)
  }
}
