import Exposition
import Testing

struct MetricWriterTests {
  private static let sockets = MetricFamily(
    "x_sockets", .gauge, labels: ["process", "state"], help: "Sockets.")
  private static let cpu = MetricFamily(
    "x_cpu_seconds_total", .counter, unit: .seconds, help: "CPU time.")

  private func written(
    _ format: ExpositionFormat, _ write: (inout MetricWriter) -> Void
  ) -> String {
    var writer = MetricWriter(format: format)
    write(&writer)
    writer.end()
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  @Test func writesText() {
    let page = written(.text) { writer in
      writer.write(Self.sockets) { series in
        series.sample("sshd", "listen" as StaticString, value: 2 as UInt64)
      }
      writer.write(Self.cpu, 0.25)
    }
    #expect(
      page == """
        # HELP x_sockets Sockets.
        # TYPE x_sockets gauge
        x_sockets{process="sshd",state="listen"} 2
        # HELP x_cpu_seconds_total CPU time.
        # TYPE x_cpu_seconds_total counter
        x_cpu_seconds_total 0.25

        """)
  }

  @Test func writesOpenMetrics() {
    let page = written(.openMetrics) { writer in
      writer.write(Self.sockets) { series in
        series.sample("sshd", "listen" as StaticString, value: 2 as UInt64)
      }
      writer.write(Self.cpu, 0.25)
    }
    #expect(
      page == """
        # HELP x_sockets Sockets.
        # TYPE x_sockets gauge
        x_sockets{process="sshd",state="listen"} 2
        # HELP x_cpu_seconds CPU time.
        # TYPE x_cpu_seconds counter
        # UNIT x_cpu_seconds seconds
        x_cpu_seconds_total 0.25
        # EOF

        """)
  }

  @Test func leavesOutAFamilyWithoutSamples() {
    let page = written(.text) { writer in
      writer.write(Self.sockets) { _ in }
      writer.write(Self.cpu, nil as Double?)
    }
    #expect(page == "")
  }

  @Test(arguments: ExpositionFormat.allCases)
  func escapesHostileLabels(format: ExpositionFormat) {
    let page = written(format) { writer in
      writer.write(Self.sockets) { series in
        series.sample("a\"b\\c\nd}e{f=,\u{0}é\u{FFFD}", "x" as StaticString, value: true)
      }
    }
    #expect(page.contains(#"x_sockets{process="a\"b\\c\nd}e{f=,"# + "\u{0}é\u{FFFD}"))
    #expect(page.contains("\",state=\"x\"} 1\n"))
  }

  @Test(arguments: [
    (0.0, "0.0"), (0.1, "0.1"), (1.0 / 3, "0.3333333333333333"), (-2.5, "-2.5"),
    (1_763_697_000.25, "1763697000.25"), (1e-9, "1e-09"), (1e300, "1e+300"),
    (.infinity, "+Inf"), (-.infinity, "-Inf"), (.nan, "NaN"),
  ])
  func writesNumbersThatReadBack(value: Double, text: String) {
    let page = written(.text) { $0.write(Self.cpu, value) }
    #expect(page.hasSuffix("x_cpu_seconds_total \(text)\n"))
  }

  @Test func writesTheGreatestInteger() {
    let page = written(.text) { $0.write(Self.cpu, UInt64.max) }
    #expect(page.hasSuffix(" 18446744073709551615\n"))
  }
}
