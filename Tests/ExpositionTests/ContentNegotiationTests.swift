import Exposition
import Testing

struct ContentNegotiationTests {
  @Test(arguments: [
    // What Prometheus 3 and 2 send.
    (
      """
      application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
      application/openmetrics-text;version=0.0.1;q=0.5,\
      text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2
      """, ExpositionFormat.openMetrics
    ),
    (
      """
      application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
      text/plain;version=0.0.4;q=0.5,*/*;q=0.1
      """, .openMetrics
    ),
    // Prometheus told to scrape text, an old Prometheus, curl, a browser.
    ("text/plain;version=0.0.4;q=0.6,*/*;q=0.5", .text),
    ("text/plain;version=0.0.4;q=1,*/*;q=0.1", .text),
    ("*/*", .text),
    ("text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8", .text),
    // The order means nothing, the quality everything.
    ("text/plain;q=0.5, application/openmetrics-text", .openMetrics),
    ("text/plain, application/openmetrics-text;q=0.9", .text),
    ("application/openmetrics-text;q=0.5,*/*;q=0.4", .openMetrics),
    ("application/*;q=0.9, text/*;q=0.1", .openMetrics),
    ("APPLICATION/OpenMetrics-Text ; Version=\"1.0.0\" ; Q=0.7", .openMetrics),
    // A version that we do not write, and what is not acceptable.
    ("application/openmetrics-text;version=0.0.1", .text),
    ("application/openmetrics-text;version=2.0.0, text/plain;q=0.1", .text),
    ("application/openmetrics-text;q=0", .text),
    ("application/openmetrics-text;q=0.000, */*;q=0.1", .text),
    // The most specific range decides, even where it says less.
    ("application/openmetrics-text;q=0.1, */*;q=0.9", .text),
    // Equal preference is none.
    ("text/plain, application/openmetrics-text", .text),
    // Garbage.
    ("", .text), (",,,;;;==", .text), ("application/openmetrics-text;q=2", .text),
    ("application/openmetrics-text;q=banana", .text), ("application/openmetrics-text;q=", .text),
    ("application/json", .text), ("\u{0}\u{1}", .text), ("q=1", .text),
    ("\"application/openmetrics-text", .text),
  ])
  func choosesTheFormat(accept: String, expected: ExpositionFormat) {
    #expect(ContentNegotiation.format(accept: accept) == expected)
  }

  @Test func writesTextForAClientThatSaysNothing() {
    #expect(ContentNegotiation.format(accept: nil) == .text)
    #expect(!ContentNegotiation.acceptsGzip(acceptEncoding: nil))
  }

  @Test(arguments: [
    ("gzip", true), ("gzip, deflate, br", true), ("GZIP", true), ("x-gzip", true), ("*", true),
    ("gzip;q=0.5", true), ("deflate, gzip;q=1.0, *;q=0.5", true),
    ("gzip;q=0", false), ("identity", false), ("", false), ("deflate", false),
    ("gzip;q=0, *", false), ("*;q=0", false), ("gzip;q=0.5, identity", false),
    ("gzipped", false), ("gzip;q=nonsense", false),
  ])
  func choosesTheEncoding(acceptEncoding: String, expected: Bool) {
    #expect(ContentNegotiation.acceptsGzip(acceptEncoding: acceptEncoding) == expected)
  }
}
