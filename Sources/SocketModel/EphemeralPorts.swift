/// The local ports that the kernel chooses for connections, in one network namespace.
package struct EphemeralPorts: Sendable, Equatable {
  /// Connections from one address to one address and port: each takes a local port of its own.
  package struct Use: Sendable, Equatable {
    package var source: IPAddress
    package var destination: IPAddress
    package var destinationPort: UInt16
    /// Local ports taken, of those the kernel chooses from.
    package var ports: UInt64

    package init(
      source: IPAddress, destination: IPAddress, destinationPort: UInt16, ports: UInt64
    ) {
      self.source = source
      self.destination = destination
      self.destinationPort = destinationPort
      self.ports = ports
    }
  }

  /// Ports in `ip_local_port_range` that are not in `ip_local_reserved_ports`.
  package var available: UInt64
  /// The pairs that take most, most first, ten at most.
  package var worst: [Use]

  package init(available: UInt64, worst: [Use]) {
    self.available = available
    self.worst = worst
  }
}
