/// Whether two backends say the same of one host.
///
/// Every test that samples a quiet host as root asks here, so each thing the tests make happen is
/// compared.
package enum BackendComparison {
  /// What two samples of one host never agree on, or what is not the test host's alone.
  private static let incomparable: Set<String> = [
    "socket_file_handles", "socket_sockstat_tcp_allocated", "socket_sockstat_tcp_orphans",
    "socket_sockstat_memory_bytes",
    // A netlink socket that was closed, such as the exporter's own, is freed when the kernel gets
    // round to it.
    "socket_sockstat_sockets_used",
    // The two go on counting; ages go on growing.
    "socket_process_close_wait_oldest_seconds", "socket_zombie_oldest_seconds",
  ]

  private static let ofOpenDescriptors: Set<String> = [
    "socket_process_open_fds", "socket_process_fd_limit_ratio",
  ]

  private static func comparable(_ page: MetricPage) -> [MetricPage.Sample: Double] {
    var series: [MetricPage.Sample: Double] = [:]
    for sample in page.families.flatMap(\.samples) {
      let name = sample.name
      if name.hasPrefix("socket_exporter_") || name.hasPrefix("process_") { continue }
      if name.hasSuffix("_total") || incomparable.contains(name) { continue }
      // With BPF it has descriptors of its own for that. It may be part of the sum of small groups.
      if sample.labels["process"] == "socket-exporter" { continue }
      if sample.labels["process"] == "other", ofOpenDescriptors.contains(name) { continue }
      series[MetricPage.Sample(name: name, labels: sample.labels, value: 0)] = sample.value
    }
    return series
  }

  /// The series that differ, each with both values; empty where the pages agree.
  package static func differences(_ left: MetricPage, _ right: MetricPage) -> [String] {
    let (left, right) = (comparable(left), comparable(right))
    return Set(left.keys).union(right.keys).filter { left[$0] != right[$0] }
      .map { series in
        let labels = series.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\"\($0.value)\"" }
        let values = [left, right].map { $0[series].map { "\($0)" } ?? "absent" }
        return "\(series.name){\(labels.joined(separator: ","))} \(values.joined(separator: " | "))"
      }.sorted()
  }

  /// Whether a page was read by BPF, so that there is another backend to compare it with.
  static func isByIterator(_ page: MetricPage) -> Bool {
    page.samples("socket_exporter_backend_info").contains {
      $0.value == 1 && $0.labels["backend"]?.hasPrefix("bpf") == true
    }
  }
}
