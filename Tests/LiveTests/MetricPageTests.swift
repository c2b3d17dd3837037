import TestSupport
import Testing

/// The reader of the live tests must not let pass what Prometheus would refuse.
@Suite("The reader of pages is strict")
struct MetricPageTests {
  private static let head = "# HELP a Some help.\n# TYPE a gauge\n"

  @Test("a good page, in both formats")
  func good() throws {
    let text = try MetricPage(
      Array(
        (#"""
        # HELP a Some \\ help\nhere.
        # TYPE a gauge
        a{x="q\"b\\n\n",y=""} 1.5e3
        a{x=""} +Inf
        # HELP b_total Help.
        # TYPE b_total counter
        b_total 2
        """# + "\n").utf8))
    #expect(text.value("a", ["x": "q\"b\\n\n", "y": ""]) == 1500)
    #expect(text.value("a", ["x": ""]) == .infinity)
    #expect(text.value("a") == nil)
    #expect(text.value("b_total") == 2)
    #expect(text.families.map(\.type) == ["gauge", "counter"])
    #expect(text.families.first?.help == "Some \\ help\nhere.")

    let openMetrics = try MetricPage(
      Array(
        """
        # TYPE a_seconds gauge
        # UNIT a_seconds seconds
        # HELP a_seconds Help.
        a_seconds 1
        # TYPE b counter
        # HELP b Help.
        b_total 2
        # EOF

        """.utf8), as: .openMetrics)
    #expect(openMetrics.value("b_total") == 2)
  }

  @Test(
    "a bad page in the text format",
    arguments: [
      "a 1\n",
      "# HELP a Help.\na 1\n",
      "# TYPE a gauge\na 1\n",
      head + "b 1\n",
      head + "a 1",
      head + "a 1\n\n",
      head + "a 1\na 1\n",
      head + "a{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 1\n",
      head + "a 1\n# HELP b B.\n# TYPE b gauge\nb 1\n" + head + "a{x=\"1\"} 1\n",
      head + "a{x=\"1\",x=\"2\"} 1\n",
      head + "a{x=\"\\t\"} 1\n",
      head + "a{x=\"1} 1\n",
      head + "a{x=\"1\"}1\n",
      head + "a{x=1} 1\n",
      head + "a{1x=\"\"} 1\n",
      head + "a 1 1700000000\n",
      head + "a one\n",
      head + "a nan\n",
      head + "a 0x10\n",
      head + "a\n",
      head + "# a comment\na 1\n",
      head + "a 1\n# EOF\n",
      "# HELP a \\x\n# TYPE a gauge\na 1\n",
      "# HELP a A.\n# HELP a A.\n# TYPE a gauge\na 1\n",
      "# HELP a A.\n# TYPE a sometype\na 1\n",
    ])
  func bad(page: String) {
    #expect(throws: TestFailure.self) { try MetricPage(Array(page.utf8)) }
  }

  @Test(
    "a bad page in OpenMetrics",
    arguments: [
      head + "a 1\n",
      head + "a 1\n# EOF",
      head + "a 1\n# EOF\na{x=\"\"} 1\n",
      "# HELP a_total A.\n# TYPE a_total counter\na_total 1\n# EOF\n",
      "# HELP a A.\n# TYPE a counter\na 1\n# EOF\n",
      "# HELP a A.\n# TYPE a gauge\n# UNIT a bytes\na 1\n# EOF\n",
    ])
  func badOpenMetrics(page: String) {
    #expect(throws: TestFailure.self) { try MetricPage(Array(page.utf8), as: .openMetrics) }
  }

  @Test("bytes that are not UTF-8")
  func notText() {
    let page = Array((Self.head + "a{x=\"").utf8) + [0xFF] + Array("\"} 1\n".utf8)
    #expect(throws: TestFailure.self) { try MetricPage(page) }
  }
}
