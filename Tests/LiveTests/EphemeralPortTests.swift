import TestSupport
import Testing

@Suite("Ephemeral ports", .onTestHost, .hangLimit)
struct EphemeralPortTests {
  /// Twenty ports, four of them reserved.
  private static let ports = 16.0

  private static func narrow(_ host: TestHost) throws {
    try host.set("net.ipv4.ip_local_port_range", to: "40000 40019")
    try host.set("net.ipv4.ip_local_reserved_ports", to: "80,40005,40010-40012")
  }

  /// The worst, by source and destination.
  private static func used(_ page: MetricPage) -> [[String]: Double] {
    var used: [[String]: Double] = [:]
    for sample in page.samples("socket_ephemeral_ports_used") {
      used[[sample.labels["source"] ?? "", sample.labels["destination"] ?? ""]] = sample.value
    }
    return used
  }

  @Test("without a connection nothing is used")
  func none() async throws {
    try await TestHost.run { host in
      let page = try host.sample()
      // The kernel's own range.
      #expect(page.value("socket_ephemeral_ports") == 28232)
      #expect(page.value("socket_ephemeral_ports_used_worst") == 0)
      #expect(Self.used(page).isEmpty)
      try Self.narrow(host)
      #expect(try host.sample().value("socket_ephemeral_ports") == Self.ports)
    }
  }

  @Test(
    "all ports towards one destination are used, and connect() fails",
    arguments: [("127.0.0.1", "127.0.0.1:80"), ("::1", "[::1]:80")])
  func exhausted(address: String, destination: String) async throws {
    try await TestHost.run { host in
      try Self.narrow(host)
      let server = try host.actor(named: "server")
      let client = try host.actor(named: "client")
      let listener = try server.listen(address, port: 80)
      let (made, error) = try client.connectAll(to: listener)
      #expect(made == Int(Self.ports))
      #expect(error == "EADDRNOTAVAIL")

      let page = try host.sample()
      #expect(page.value("socket_ephemeral_ports") == Self.ports)
      #expect(page.value("socket_ephemeral_ports_used_worst") == Self.ports)
      #expect(Self.used(page) == [[address, destination]: Self.ports])
      #expect(try Self.used(host.sample(wrapper: Exporter.withoutNetlink)) == Self.used(page))
    }
  }

  @Test("ports towards different destinations are different ports, and from other addresses, too")
  func destinations() async throws {
    try await TestHost.run { host in
      try Self.narrow(host)
      let server = try host.actor(named: "server")
      let client = try host.actor(named: "client")
      let web = try server.listen(port: 80)
      let mail = try server.listen(port: 25)
      for _ in 0..<9 { try client.connect(to: web, of: server) }
      for _ in 0..<11 { try client.connect(to: mail, of: server) }
      for _ in 0..<3 {
        let socket = try client.socket(.tcp4)
        try client.set(.choosePortLate, on: socket)
        try client.bind(socket, to: "127.0.0.9")
        try client.connect(socket, to: web)
        try server.accept(web)
      }
      // A port the process chose itself, and one that is reserved, are none of the kernel's.
      for port in [1234, 40011] {
        let socket = try client.socket(.tcp4)
        try client.bind(socket, to: "127.0.0.1", port: port)
        try client.connect(socket, to: web)
        try server.accept(web)
      }
      let page = try host.sample()
      #expect(page.value("socket_ephemeral_ports_used_worst") == 11)
      #expect(
        Self.used(page) == [
          ["127.0.0.1", "127.0.0.1:80"]: 9, ["127.0.0.1", "127.0.0.1:25"]: 11,
          ["127.0.0.9", "127.0.0.1:80"]: 3,
        ])
    }
  }

  @Test("an IPv6 socket that talks IPv4 takes the ports that IPv4 sockets take")
  func mapped() async throws {
    try await TestHost.run { host in
      try Self.narrow(host)
      let server = try host.actor(named: "server")
      let client = try host.actor(named: "client")
      let listener = try server.listen(port: 80)
      for _ in 0..<5 { try client.connect("::ffff:127.0.0.1", port: 80) }
      #expect(try client.connectAll(to: listener) == (11, "EADDRNOTAVAIL"))
      let page = try host.sample()
      #expect(page.value("socket_ephemeral_ports_used_worst") == Self.ports)
      #expect(Self.used(page) == [["127.0.0.1", "127.0.0.1:80"]: Self.ports])
    }
  }

  @Test("connections that are only begun take ports")
  func begun() async throws {
    try await TestHost.run { host in
      try Self.narrow(host)
      let listener = try host.actor(named: "server").listen(port: 80)
      let client = try host.actor(named: "client")
      try host.drop("tcp dport 80")
      for _ in 0..<3 { try client.beginConnecting(to: listener) }
      let page = try host.sample()
      expectSockets(page, ["ipv4": ["listen": 1, "syn_sent": 3]])
      #expect(Self.used(page) == [["127.0.0.1", "127.0.0.1:80"]: 3])
    }
  }

  @Test("connections in TIME_WAIT keep their ports")
  func timeWait() async throws {
    try await TestHost.run { host in
      try Self.narrow(host)
      try host.set("net.ipv4.tcp_tw_reuse", to: "0")
      let server = try host.actor(named: "server")
      let client = try host.actor(named: "client")
      let listener = try server.listen(port: 80)
      for _ in 0..<10 {
        let connection = try client.connect(to: listener, of: server)
        try client.close(connection.own)
        try server.read(connection.peer)
        try server.close(connection.peer)
      }
      #expect(try client.connectAll(to: listener) == (6, "EADDRNOTAVAIL"))
      let page = try host.sample { $0.sockets("time_wait") == 10 }
      #expect(page.value("socket_ephemeral_ports_used_worst") == Self.ports)
    }
  }

  @Test("only the ten worst are named")
  func worst() async throws {
    try await TestHost.run { host in
      let server = try host.actor(named: "server")
      let client = try host.actor(named: "client")
      var expected: [[String]: Double] = [:]
      for index in 1...12 {
        let listener = try server.listen(port: 100 + index)
        for _ in 0..<index { try client.connect(to: listener) }
        if index > 2 { expected[["127.0.0.1", "127.0.0.1:\(100 + index)"]] = Double(index) }
      }
      let page = try host.sample()
      #expect(Self.used(page) == expected)
      #expect(page.value("socket_ephemeral_ports_used_worst") == 12)
    }
  }
}
