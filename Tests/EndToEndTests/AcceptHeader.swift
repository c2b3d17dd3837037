/// What clients that exist say they accept.
enum AcceptHeader {
  static let prometheus2 = """
    application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
    text/plain;version=0.0.4;q=0.5,*/*;q=0.1
    """
  static let prometheus3 = """
    application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
    application/openmetrics-text;version=0.0.1;q=0.5,\
    text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2
    """
  /// Prometheus before 2.5, and Prometheus 3 with `scrape_protocols: [PrometheusText0.0.4]`.
  static let textOnly = "text/plain;version=0.0.4;q=1,*/*;q=0.1"
  static let curl = "*/*"
  static let browser = """
    text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/png,\
    image/svg+xml,*/*;q=0.8
    """
  static let garbage = [
    "", ",", ";;;", "q=1", "\"", "text/plain;q=", "openmetrics-text", "\u{1}\u{7f}",
    "application/openmetrics-text;q=nan", String(repeating: "a/b;q=0.5,", count: 300),
  ]
}
