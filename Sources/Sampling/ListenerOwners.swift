internal import SocketModel

/// Which group holds which listener, as of the last walk over the processes.
struct ListenerOwners {
  private struct Endpoint: Hashable {
    var namespace: UInt64?
    var address: IPAddress
    var port: UInt16
  }

  private var byInode: [UInt32: String] = [:]
  /// A server that was started anew since the walk has a new socket at the same place.
  private var byEndpoint: [Endpoint: String] = [:]

  /// A listener belongs to the group that holds it most often. The first process of the host holds
  /// listeners for others, so it owns only what nobody else holds.
  init(
    _ readings: [NamespaceReading], _ walk: ProcessWalk, _ attribution: any AttributionBackend
  ) {
    for reading in readings {
      for listener in reading.tables?.listeners ?? [] {
        var descriptors: [String: Int] = [:]
        attribution.forEachHolder(of: listener.inode) { member in
          let weight = walk.members[member].pid == 1 ? 1 : 1 << 32
          descriptors[walk.groups[walk.members[member].group].name, default: 0] += weight
        }
        let owner = descriptors.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
        byInode[listener.inode] = owner
        byEndpoint[Self.endpoint(listener, reading)] = owner
      }
    }
  }

  init() {}

  /// The owners of the listeners of a namespace, by inode.
  func owners(in reading: NamespaceReading) -> [UInt32: String] {
    var owners: [UInt32: String] = [:]
    for listener in reading.tables?.listeners ?? [] {
      owners[listener.inode] =
        byInode[listener.inode] ?? byEndpoint[Self.endpoint(listener, reading)]
    }
    return owners
  }

  private static func endpoint(
    _ listener: TCPTables.Listener, _ reading: NamespaceReading
  ) -> Endpoint {
    Endpoint(namespace: reading.inode, address: listener.address, port: listener.port)
  }
}
