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

  @Test(arguments: ExpositionFormat.allCases)
  func leavesOutAFamilyWithoutSamples(format: ExpositionFormat) {
    let page = written(format) { writer in
      writer.write(Self.sockets) { _ in }
      writer.write(Self.sockets) { series in
        series.sample("sshd", "listen" as StaticString, value: nil as UInt64?)
      }
      writer.write(Self.cpu, nil as Double?)
    }
    #expect(page == (format == .text ? "" : "# EOF\n"))
  }

  @Test func endsLabelsWithTheNamespace() {
    let page = written(.text) { writer in
      writer.write(Self.sockets) { series in
        series.sample("sshd", "listen" as StaticString, value: 2 as UInt64)
        series.namespace = "b\"lue"
        series.sample("sshd", "listen" as StaticString, value: 1 as UInt64)
      }
      writer.write(Self.cpu) { series in
        for namespace in [nil, "blue", nil] {
          series.namespace = namespace
          series.sample(value: true)
        }
      }
    }
    #expect(
      page == """
        # HELP x_sockets Sockets.
        # TYPE x_sockets gauge
        x_sockets{process="sshd",state="listen"} 2
        x_sockets{process="sshd",state="listen",netns="b\\"lue"} 1
        # HELP x_cpu_seconds_total CPU time.
        # TYPE x_cpu_seconds_total counter
        x_cpu_seconds_total 1
        x_cpu_seconds_total{netns="blue"} 1
        x_cpu_seconds_total 1

        """)
  }

  @Test func writesNumbersAsLabels() {
    let family = MetricFamily(
      "x_ports", .gauge, labels: ["pid", "port", "older_than"], help: "Ports.")
    let page = written(.text) { writer in
      writer.write(family) { series in
        series.sample(Int32.max, UInt16.max, UInt64.max, value: 0 as UInt64)
        series.sample(Int32.min, 0 as UInt16, 10 as UInt64, value: 9 as UInt64)
      }
    }
    #expect(
      page.hasSuffix(
        """
        x_ports{pid="2147483647",port="65535",older_than="18446744073709551615"} 0
        x_ports{pid="-2147483648",port="0",older_than="10"} 9

        """))
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

  @Test(
    arguments: [
      (0.0, "0.0"), (0.1, "0.1"), (1.0 / 3, "0.3333333333333333"), (-2.5, "-2.5"),
      (1_763_697_000.25, "1763697000.25"), (1e-9, "1e-09"), (1e300, "1e+300"),
      (-0.0, "-0.0"), (-7.0, "-7.0"), (86_400.0, "86400.0"), (1e15, "1000000000000000.0"),
      (.infinity, "+Inf"), (-.infinity, "-Inf"), (.nan, "NaN"),
    ] as [(Double, String)])
  func writesNumbersThatReadBack(value: Double, text: String) {
    let page = written(.text) { $0.write(Self.cpu, value) }
    #expect(page.hasSuffix("x_cpu_seconds_total \(text)\n"))
  }

  @Test func writesWholeNumbersAsSwiftDoes() {
    for exponent in 0...60 {
      let power = Double(sign: .plus, exponent: exponent, significand: 1)
      for value in [power, power - 1, power + 3] {
        let page = written(.text) { $0.write(Self.cpu, value) }
        #expect(page.hasSuffix(" \(value)\n"))
      }
    }
  }

  @Test func writesTheGreatestInteger() {
    let page = written(.text) { $0.write(Self.cpu, UInt64.max) }
    #expect(page.hasSuffix(" 18446744073709551615\n"))
  }
}
