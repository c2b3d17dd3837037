/// What the exporter's own process costs the host, in the ecosystem's standard terms.
package struct ExporterProcess: Sendable, Equatable {
  /// User and system CPU time since the start, seconds.
  package var cpuSeconds: Double
  package var residentMemoryBytes: UInt64
  package var virtualMemoryBytes: UInt64
  package var openDescriptors: UInt64
  /// The soft limit of open descriptors.
  package var maxDescriptors: UInt64
  /// Seconds since the epoch.
  package var startTimeSeconds: Double

  package init(
    cpuSeconds: Double, residentMemoryBytes: UInt64, virtualMemoryBytes: UInt64,
    openDescriptors: UInt64, maxDescriptors: UInt64, startTimeSeconds: Double
  ) {
    self.cpuSeconds = cpuSeconds
    self.residentMemoryBytes = residentMemoryBytes
    self.virtualMemoryBytes = virtualMemoryBytes
    self.openDescriptors = openDescriptors
    self.maxDescriptors = maxDescriptors
    self.startTimeSeconds = startTimeSeconds
  }
}
