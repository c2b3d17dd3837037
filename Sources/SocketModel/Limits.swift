/// The ceilings of the host, each beside its use where the use has no better place. Each is nil where
/// the kernel does not offer it.
package struct Limits: Sendable, Equatable {
  /// When the kernel begins to save memory of a protocol, and when it refuses it, in bytes
  /// (`net.ipv4.tcp_mem`, `net.ipv4.udp_mem`; the kernel counts pages).
  package struct MemoryThresholds: Sendable, Equatable {
    package var low: UInt64
    package var pressure: UInt64
    package var high: UInt64

    package init(low: UInt64, pressure: UInt64, high: UInt64) {
      self.low = low
      self.pressure = pressure
      self.high = high
    }
  }

  /// Those that belong to a network namespace.
  package struct Namespace: Sendable, Equatable {
    /// `net.ipv4.tcp_max_tw_buckets`.
    package var tcpTimeWait: UInt64?
    /// `net.core.somaxconn`.
    package var listenBacklog: UInt64?
    /// `net.ipv4.tcp_max_syn_backlog`.
    package var synBacklog: UInt64?
    /// `net.netfilter.nf_conntrack_count`; nil where connections are not tracked.
    package var conntrackEntries: UInt64?
    /// `net.netfilter.nf_conntrack_max`.
    package var conntrackEntriesLimit: UInt64?

    package init() {}
  }

  /// Open files of the whole host (`/proc/sys/fs/file-nr`).
  package var fileHandles: UInt64?
  package var fileHandlesLimit: UInt64?
  package var tcpMemory: MemoryThresholds?
  package var udpMemory: MemoryThresholds?
  /// `net.ipv4.tcp_max_orphans`; whole host.
  package var tcpOrphans: UInt64?
  package var namespaces: [InNamespace<Namespace>] = []

  package init() {}
}
