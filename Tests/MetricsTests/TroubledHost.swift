import SocketModel

/// A made-up host in trouble: CLOSE_WAIT in a Java program, zombies, a full accept queue, ephemeral
/// ports that run out, and names that nobody should have. Beside the exporter's own network namespace
/// it has one with a name and one of a container.
enum TroubledHost {
  static let named = "blue"
  static let container = "3f4e5d6c7b8a"

  static var snapshot: Snapshot {
    var snapshot = Snapshot(backend: .procfsAndSockDiag)
    snapshot.sockstat = [
      InNamespace(namespace: nil, value: sockstat),
      InNamespace(namespace: named, value: otherSockstat),
    ]
    snapshot.tcp = [
      InNamespace(namespace: nil, value: tcp),
      InNamespace(namespace: named, value: otherTCP),
      InNamespace(namespace: container, value: TCPSockets()),
    ]
    snapshot.process = process
    snapshot.listener = [
      InNamespace(namespace: nil, value: listeners),
      InNamespace(namespace: container, value: otherListeners),
    ]
    snapshot.port = [
      InNamespace(namespace: nil, value: ports),
      InNamespace(namespace: named, value: EphemeralPorts(available: 16_384, worst: [])),
    ]
    snapshot.zombie = zombies
    snapshot.limit = limits

    snapshot.collectors = Collector.allCases.map {
      var status = CollectorStatus(collector: $0, interval: .seconds(5))
      status.succeeded = true
      status.duration = .microseconds(1500)
      status.cpuTime = .milliseconds(1250)
      status.errors = 1
      status.lastSuccess = SampleTime(timestampSeconds: 1_763_697_000.25, instant: .now)
      return status
    }
    snapshot.otherNamespaces = NamespaceTally()
    snapshot.otherNamespaces?.read = 2
    snapshot.otherNamespaces?.failed = 1
    snapshot.exporter = ExporterProcess(
      cpuSeconds: 1.5, residentMemoryBytes: 16_777_216, virtualMemoryBytes: 268_435_456,
      openDescriptors: 11, maxDescriptors: 1024, startTimeSeconds: 1_763_690_000.5)
    return snapshot
  }

  private static var sockstat: Sockstat {
    var sockstat = Sockstat()
    sockstat.socketsUsed = 4711
    sockstat.ipv4.inUse = [1200, 14, 0, 1, 0]
    sockstat.ipv4.fragmentMemoryBytes = 0
    sockstat.ipv6.inUse = [30, 4, nil, 0, 2]
    sockstat.ipv6.fragmentMemoryBytes = 2048
    sockstat.tcpOrphans = 3
    sockstat.tcpTimeWait = 250
    sockstat.tcpAllocated = 1300
    sockstat.tcpMemoryBytes = 4_194_304
    sockstat.udpMemoryBytes = 8192
    return sockstat
  }

  /// Of another namespace, without IPv6. What belongs to the whole host is not told again.
  private static var otherSockstat: Sockstat {
    var sockstat = Sockstat()
    sockstat.socketsUsed = 8
    sockstat.ipv4.inUse = [5, 1, 0, 0, 0]
    sockstat.ipv4.fragmentMemoryBytes = 0
    sockstat.tcpTimeWait = 2
    return sockstat
  }

  private static var tcp: TCPSockets {
    var tcp = TCPSockets()
    tcp.counts[.established, .ipv4] = 160
    tcp.counts[.closeWait, .ipv4] = 1024
    tcp.counts[.listen, .ipv4] = 12
    tcp.counts[.listen, .ipv6] = 9
    tcp.counts[.timeWait, .ipv4] = 250
    tcp.counts[.synReceived, .ipv6] = 1
    tcp.queueBytes[AddressFamily.ipv4.rawValue].receive = 12_345
    tcp.queueBytes[AddressFamily.ipv4.rawValue].send = 4_294_967_296
    tcp.queueBytes[AddressFamily.ipv6.rawValue].send = 17
    tcp.retransmitting = 12
    tcp.keepingAlive = 31
    tcp.probing = 2
    tcp.events.activeOpens = 70_000
    tcp.events.passiveOpens = 80_000
    tcp.events.attemptFails = 12
    tcp.events.establishedResets = 34
    tcp.events.resetsSent = 56
    tcp.events.segmentsRetransmitted = 789
    tcp.events.listenOverflows = 90
    tcp.events.listenDrops = 91
    tcp.events.syncookiesSent = 0
    tcp.events.requestQueueFullDrops = 0
    tcp.events.timeWaitOverflows = 3
    tcp.events.memoryPressures = 1
    tcp.events.aborts = [1, 2, 0, 4, 0, 6]
    return tcp
  }

  /// Of another namespace, where the kernel counts little.
  private static var otherTCP: TCPSockets {
    var tcp = TCPSockets()
    tcp.counts[.established, .ipv4] = 4
    tcp.events.activeOpens = 4
    tcp.events.aborts[TCPEvents.AbortReason.timeout.rawValue] = 1
    return tcp
  }

  private static var process: ProcessSockets {
    func group(
      _ name: String, in namespace: String? = nil, _ instances: UInt64, readable: UInt64,
      open: UInt64, aged: [UInt64] = [0, 0, 0, 0]
    ) -> ProcessSockets.Group {
      var group = ProcessSockets.Group(name: name, namespace: namespace)
      group.instances = instances
      group.readable = readable
      group.openDescriptors = open
      group.closeWaitAged = aged
      return group
    }
    var hostile = group("a \"quoted\" \\ na", 1, readable: 1, open: 3)
    hostile.descriptorLimitRatio = 0.0029296875

    var java = group("java", 2, readable: 2, open: 1500, aged: [1020, 900, 17, 0])
    java.socketDescriptors[.tcp] = 1100
    java.socketDescriptors[.udp] = 2
    java.socketDescriptors[.unix] = 70
    java.socketDescriptors[.netlink] = 1
    java.socketDescriptors[.packet] = 1
    java.socketDescriptors[.raw] = 1
    java.socketDescriptors[.unbound] = 4
    java.socketDescriptors[.other] = 1
    java.sharedSocketDescriptors = 12
    java.descriptorLimitRatio = 1
    java.tcpSockets[.established] = 60
    java.tcpSockets[.finWait2] = 1
    java.tcpSockets[.closeWait] = 1024
    java.tcpSockets[.listen] = 12
    java.closeWaitOldestSeconds = 3599.75

    var newline = group("new\nline", 1, readable: 1, open: 4)
    newline.socketDescriptors[.unix] = 1
    var folded = group("other", 40, readable: 38, open: 900)
    folded.socketDescriptors[.tcp] = 70
    folded.socketDescriptors[.unix] = 7
    folded.tcpSockets[.established] = 70
    folded.descriptorLimitRatio = 0.25
    let unreadable = group("private", 1, readable: 0, open: 0)
    var broken = group("\u{FFFD}\u{FFFD}", 1, readable: 1, open: 5)
    broken.socketDescriptors[.unix] = 2

    var contained = group("java", in: container, 1, readable: 1, open: 20, aged: [1, 0, 0, 0])
    contained.socketDescriptors[.tcp] = 1
    contained.descriptorLimitRatio = 0.01953125
    contained.tcpSockets[.closeWait] = 1
    contained.closeWaitOldestSeconds = 12

    var process = ProcessSockets()
    process.groups = [hostile, java, newline, folded, unreadable, broken, contained]
    process.foldedGroups = 17
    process.closeWaitThresholds = [10, 60, 300, 3600]
    process.topSocketDescriptors = [
      ProcessSockets.Holder(pid: 4242, name: "java", count: 1100),
      ProcessSockets.Holder(pid: 17, name: "java", count: 80),
      ProcessSockets.Holder(pid: 99, name: "java", namespace: container, count: 1),
    ]
    process.topCloseWait = [
      ProcessSockets.Holder(pid: 4242, name: "java", count: 1024),
      ProcessSockets.Holder(pid: 99, name: "java", namespace: container, count: 1),
    ]
    process.unreadable = 3
    return process
  }

  private static var listeners: Listeners {
    var listeners = Listeners()
    listeners.listeners = [
      Listeners.Listener(
        address: "::", port: 22, process: "sshd", acceptQueue: 0, acceptQueueLimit: 128),
      // Nobody is seen to hold it, and the source tells no limit.
      Listeners.Listener(
        address: "127.0.0.1", port: 2049, process: "unknown", acceptQueue: 0,
        acceptQueueLimit: nil),
      Listeners.Listener(
        address: "0.0.0.0", port: 8080, process: "java", acceptQueue: 129, acceptQueueLimit: 128),
      Listeners.Listener(
        address: "other", port: nil, process: "other", acceptQueue: 7, acceptQueueLimit: 4096),
    ]
    listeners.ports = [
      Listeners.Port(number: 22, sockets: counts([.listen: 1, .established: 2])),
      Listeners.Port(
        number: 8080,
        sockets: counts([.listen: 1, .established: 58, .closeWait: 1024, .timeWait: 3])),
      Listeners.Port(number: nil, sockets: counts([.listen: 30])),
    ]
    listeners.foldedListeners = 30
    listeners.foldedPorts = 28
    return listeners
  }

  private static var otherListeners: Listeners {
    var listeners = Listeners()
    listeners.listeners = [
      Listeners.Listener(
        address: "::ffff:10.0.0.2", port: 80, process: "java", acceptQueue: 1,
        acceptQueueLimit: 511)
    ]
    listeners.ports = [Listeners.Port(number: 80, sockets: counts([.listen: 1, .closeWait: 1]))]
    return listeners
  }

  private static func counts(_ states: [TCPState: UInt64]) -> TCPStateCounts {
    var counts = TCPStateCounts()
    for (state, count) in states { counts[state] = count }
    return counts
  }

  private static var ports: EphemeralPorts {
    EphemeralPorts(
      available: 28_232,
      worst: [
        EphemeralPorts.Use(
          source: IPAddress(ipv4: 0x0a00_0001), destination: IPAddress(ipv4: 0x0a00_0002),
          destinationPort: 5432, ports: 28_100),
        EphemeralPorts.Use(
          source: IPAddress(family: .ipv6, high: 0, low: 1),
          destination: IPAddress(family: .ipv6, high: 0x2001_0db8_0000_0000, low: 0x53),
          destinationPort: 443, ports: 12),
      ])
  }

  private static var zombies: Zombies {
    var zombies = Zombies()
    zombies.total = 7
    zombies.children = [
      Zombies.Children(parent: "other", childSignal: .caught, count: 2),
      Zombies.Children(parent: "sh", childSignal: .default, count: 3),
      Zombies.Children(parent: "unknown", childSignal: .unknown, count: 2),
    ]
    zombies.oldest = [
      Zombies.Oldest(parent: "other", seconds: 60),
      Zombies.Oldest(parent: "sh", seconds: 86_400.125),
      Zombies.Oldest(parent: "unknown", seconds: 0),
    ]
    zombies.foldedParents = 2
    zombies.processes = 321
    zombies.processLimit = 32768
    return zombies
  }

  /// The limit of UDP memory may not be read, and one namespace tracks no connection.
  private static var limits: Limits {
    var limits = Limits()
    limits.fileHandles = 6120
    limits.fileHandlesLimit = 9_223_372_036_854_775_807
    limits.tcpMemory = Limits.MemoryThresholds(
      low: 770_048_000, pressure: 1_026_732_032, high: 1_540_096_000)
    limits.tcpOrphans = 131_072
    var own = Limits.Namespace()
    own.tcpTimeWait = 131_072
    own.listenBacklog = 4096
    own.synBacklog = 2048
    own.conntrackEntries = 4600
    own.conntrackEntriesLimit = 262_144
    var other = Limits.Namespace()
    other.tcpTimeWait = 8192
    other.listenBacklog = 128
    other.synBacklog = 128
    limits.namespaces = [
      InNamespace(namespace: nil, value: own), InNamespace(namespace: named, value: other),
    ]
    return limits
  }
}
