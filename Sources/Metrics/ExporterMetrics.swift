internal import Exposition
internal import SocketModel

/// The exporter itself: what it is, how its collectors do, what it costs.
enum ExporterMetrics {
  static let buildInfo = MetricFamily(
    "socket_exporter_build_info", .gauge, labels: ["version", "revision", "swift"],
    help: "Always 1. The labels tell what the exporter was built from.")
  static let backendInfo = MetricFamily(
    "socket_exporter_backend_info", .gauge, labels: ["backend"],
    help: """
      Where it is read who holds which sockets, and the TCP sockets of the exporter's own network \
      namespace: 1 for the backend in use, 0 for the others.
      """)
  static let success = MetricFamily(
    "socket_exporter_collector_success", .gauge, labels: ["collector"],
    help: """
      1 if the collector's last sample succeeded. 0 if it failed, or if its last success is too \
      long ago (five intervals) and its metrics are therefore left out.
      """)
  static let duration = MetricFamily(
    "socket_exporter_collector_duration_seconds", .gauge, unit: .seconds, labels: ["collector"],
    help: "Time the collector's last sample took.")
  static let cpu = MetricFamily(
    "socket_exporter_collector_cpu_seconds_total", .counter, unit: .seconds,
    labels: ["collector"],
    help: "CPU time of all samples of the collector.")
  static let errors = MetricFamily(
    "socket_exporter_collector_errors_total", .counter, labels: ["collector"],
    help: "Samples of the collector that failed.")
  static let lastSuccess = MetricFamily(
    "socket_exporter_collector_last_success_timestamp_seconds", .gauge, unit: .seconds,
    labels: ["collector"],
    help: """
      When the collector last succeeded, in seconds since the epoch: the age of its metrics. 0 if \
      it never did.
      """)
  static let interval = MetricFamily(
    "socket_exporter_collector_interval_seconds", .gauge, unit: .seconds, labels: ["collector"],
    help: """
      Time from one sample of the collector to the next: what --collect.interval asks for, or \
      longer where that would cost more CPU time than --collect.cpu-budget allows.
      """)
  static let networkNamespaces = MetricFamily(
    "socket_exporter_network_namespaces", .gauge, labels: ["result"],
    help: """
      Network namespaces other than the exporter's own by how reading them fared, cached: read, \
      failed (the log says why), or skipped because there are more than 500. Left out unless \
      --netns=all.
      """)
  static let httpRequests = MetricFamily(
    "socket_exporter_http_requests_total", .counter, labels: ["code"],
    help: "HTTP requests answered, by status code.")
  static let httpRejected = MetricFamily(
    "socket_exporter_http_rejected_total", .counter, labels: ["reason"],
    help: "HTTP requests and connections refused to keep within the exporter's own limits.")
  static let cpuSeconds = MetricFamily(
    "process_cpu_seconds_total", .counter, unit: .seconds,
    help: "User and system CPU time of the exporter.")
  static let residentMemory = MetricFamily(
    "process_resident_memory_bytes", .gauge, unit: .bytes,
    help: "Resident memory of the exporter.")
  static let virtualMemory = MetricFamily(
    "process_virtual_memory_bytes", .gauge, unit: .bytes,
    help: "Virtual memory of the exporter.")
  static let openDescriptors = MetricFamily(
    "process_open_fds", .gauge, help: "Open descriptors of the exporter.")
  static let maxDescriptors = MetricFamily(
    "process_max_fds", .gauge, help: "The exporter's soft limit of open descriptors.")
  static let startTime = MetricFamily(
    "process_start_time_seconds", .gauge, unit: .seconds,
    help: "When the exporter started, in seconds since the epoch.")

  static func write(
    _ snapshot: Snapshot, build: BuildInfo, http: HTTPCounts?, to page: inout MetricWriter
  ) {
    page.write(buildInfo) {
      $0.sample(build.version, build.revision, build.swift, value: true)
    }
    page.write(backendInfo) { series in
      for backend in Backend.allCases {
        series.sample(backend.label, value: backend == snapshot.backend)
      }
    }
    writeCollectors(snapshot.collectors, to: &page)
    if let namespaces = snapshot.otherNamespaces {
      page.write(networkNamespaces) { series in
        series.sample("read" as StaticString, value: namespaces.read)
        series.sample("failed" as StaticString, value: namespaces.failed)
        series.sample("skipped" as StaticString, value: namespaces.skipped)
      }
    }
    if let http {
      page.write(httpRequests) { series in
        for (code, count) in http.requests { series.sample(code, value: count) }
      }
      page.write(httpRejected) { series in
        for (reason, count) in http.rejected { series.sample(reason, value: count) }
      }
    }
    if let process = snapshot.exporter {
      page.write(cpuSeconds, process.cpuSeconds)
      page.write(residentMemory, process.residentMemoryBytes)
      page.write(virtualMemory, process.virtualMemoryBytes)
      page.write(openDescriptors, process.openDescriptors)
      page.write(maxDescriptors, process.maxDescriptors)
      page.write(startTime, process.startTimeSeconds)
    }
  }

  private static func writeCollectors(
    _ collectors: [CollectorStatus], to page: inout MetricWriter
  ) {
    func write(
      _ family: MetricFamily, _ sample: (inout FamilyWriter, CollectorStatus) -> Void
    ) {
      page.write(family) { series in
        for status in collectors { sample(&series, status) }
      }
    }
    write(success) { $0.sample($1.collector.name, value: $1.succeeded) }
    write(duration) { $0.sample($1.collector.name, value: $1.duration.seconds) }
    write(cpu) { $0.sample($1.collector.name, value: $1.cpuTime.seconds) }
    write(errors) { $0.sample($1.collector.name, value: $1.errors) }
    write(lastSuccess) {
      $0.sample($1.collector.name, value: $1.lastSuccess?.timestampSeconds ?? 0)
    }
    write(interval) { $0.sample($1.collector.name, value: $1.interval.seconds) }
  }
}

extension Duration {
  fileprivate var seconds: Double {
    // Whole nanoseconds first, for those have a short decimal.
    (self / .nanoseconds(1)).rounded() / 1e9
  }
}
