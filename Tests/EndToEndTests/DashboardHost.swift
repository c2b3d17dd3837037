import Foundation
import TestSupport

/// A host in every trouble that the dashboards speak of, with a Prometheus that scrapes it.
///
/// Some of it is there from the beginning, some gets worse with every `tick`.
final class DashboardHost {
  /// What the dashboards have nothing to do with: Prometheus itself.
  static let otherJob = "something-else"

  let host: TestHost
  let prometheus: PrometheusServer
  private let web: SocketActor
  private let child: SocketActor
  private let webClient: SocketActor
  private let webListener: SocketActor.Listener
  private let hoarder: SocketActor
  private let stuckListener: SocketActor.Listener
  private let halfOpenListener: SocketActor.Listener
  private let client: SocketActor
  private let database: SocketActor
  private let databaseListener: SocketActor.Listener
  private let workload: SocketActor
  private let workloadListener: SocketActor.Listener
  private let blueClient: SocketActor
  private let blueListener: SocketActor.Listener

  /// - Parameter interval: how often the exporter samples.
  /// - Parameter rules: the file of alert rules to load.
  init(on host: TestHost, interval: String, rules: String) throws {
    self.host = host
    // A thousand ephemeral ports are soon used up; without cookies, requests are dropped.
    try host.set("net.ipv4.ip_local_port_range", to: "40000 40999")
    try host.set("net.ipv4.tcp_syncookies", to: "0")
    try host.set("net.ipv4.tcp_max_tw_buckets", to: "400")

    // A server whose clients have gone, and it does not notice.
    web = try host.actor(named: "web")
    webClient = try host.actor(named: "browser")
    webListener = try web.listen(port: 80)
    let leaver = try host.actor(named: "leaver")
    try leaver.connect(to: webListener, of: web, count: 110)
    try leaver.exit()
    // A child has all of them open, too.
    child = try web.fork()

    // A pool whose server has closed what was idle; there is no port left for many more.
    client = try host.actor(named: "pool")
    database = try host.actor(named: "database")
    databaseListener = try database.listen(port: 5432)
    let idle = try client.connect(to: databaseListener, of: database, count: 40)
    for range in idle.peer {
      for descriptor in range { try database.shutdown(descriptor) }
    }
    try client.connect(to: databaseListener, of: database, count: 800)

    // One that closes first, as it should: its clients leave TIME_WAIT behind.
    for _ in 0..<60 {
      let short = try webClient.connect(to: databaseListener, of: database)
      try webClient.close(short.own)
      try database.read(short.peer)
      try database.close(short.peer)
    }

    // Servers that do not accept: one is full, one was left by all who waited.
    let stuck = try host.actor(named: "stuck")
    stuckListener = try stuck.listen(port: 8080, backlog: 4)
    for _ in 0..<5 { try client.connect(to: stuckListener) }
    let slow = try host.actor(named: "slow")
    let slowListener = try slow.listen(port: 8081)
    let impatient = try host.actor(named: "impatient")
    for _ in 0..<105 { try impatient.connect(to: slowListener) }
    try impatient.exit()

    // Requests that get no further: their last acknowledgement is lost.
    halfOpenListener = try host.actor(named: "half-open").listen(port: 8443, backlog: 2)
    let deaf = try host.actor(named: "deaf").listen(port: 8444)
    // Whoever asks there does not give up after two minutes, which a busy machine may take.
    try host.set("net.ipv4.tcp_syn_retries", to: "30")
    try host.drop("tcp dport 8443 tcp flags & (syn | ack) == ack", "tcp dport 8444")
    for _ in 0..<7 { try client.beginConnecting(to: deaf) }

    // Parents that do not wait, sockets that were never connected, many open files.
    try host.actor(named: "parent").bearChildren(8, .byDefault)
    try host.actor(named: "reaper").bearChildren(12, .waitsOnce)
    let unbound = try host.actor(named: "unbound")
    for _ in 0..<12 { _ = try unbound.socket(.tcp4) }
    hoarder = try host.actor(named: "hoarder")
    try hoarder.limitDescriptors(to: 2000)
    try hoarder.openFiles(1560)

    // A container that leaks, too.
    try host.makeNetworkNamespace(named: "blue")
    let inside = TestHost.inNetworkNamespace("blue")
    workload = try host.actor(named: "workload", wrapper: inside)
    blueClient = try host.actor(named: "blue-client", wrapper: inside)
    workloadListener = try workload.listen(port: 80)
    let blueLeaver = try host.actor(named: "blue-leaver", wrapper: inside)
    try blueLeaver.connect(to: workloadListener, of: workload, count: 150)
    try blueLeaver.exit()
    // With cookies, which answer where requests were dropped above.
    blueListener = try host.actor(named: "blue-half", wrapper: inside).listen(
      port: 8443, backlog: 2)
    try host.shell(
      """
      nsenter --net=/run/netns/blue nft -f - <<RULES
      table inet lost {
        chain input {
          type filter hook input priority 0;
          tcp dport 8443 tcp flags & (syn | ack) == ack drop
        }
      }
      RULES
      """)

    let exporter = try host.serve("--collect.interval", interval, "--netns", "all")
    prometheus = try PrometheusServer(
      on: host,
      configuration: PrometheusServer.shippedConfiguration(port: exporter.port, rules: rules)
        + """

          - job_name: \(Self.otherJob)
            static_configs:
              - targets: ["127.0.0.1:9090"]

        """)
  }

  /// Everything gets a little worse.
  func tick() throws {
    for (leaking, client, listener) in [
      (web, webClient, webListener), (workload, blueClient, workloadListener),
    ] {
      let connection = try client.connect(to: listener, of: leaking)
      try client.close(connection.own)
    }
    let aborted = try webClient.connect(to: databaseListener, of: database)
    try webClient.reset(aborted.own)
    try database.close(aborted.peer)
    try hoarder.openFiles(1)
    for (client, listener) in [
      (client, stuckListener), (client, halfOpenListener), (client, halfOpenListener),
      (client, halfOpenListener), (client, halfOpenListener), (blueClient, blueListener),
      (blueClient, blueListener), (blueClient, blueListener), (blueClient, blueListener),
    ] {
      // Gone before it could ask a second time.
      try client.abandonConnecting(to: listener)
    }
  }

  /// What Prometheus answers to a query over time, or now where there is no range, as it answers it.
  func answer(to expression: String, range: (start: Int, end: Int, step: Int)?) throws -> [UInt8] {
    var fields = ["query=\(expression)"]
    if let range {
      fields += ["start=\(range.start)", "end=\(range.end)", "step=\(range.step)"]
    }
    let printed = try host.run(
      ["curl", "-sSG", "http://127.0.0.1:9090/api/v1/query\(range == nil ? "" : "_range")"]
        + fields.flatMap { ["--data-urlencode", $0] })
    guard printed.exit == .code(0) else { throw TestFailure("curl: \(printed.errors)") }
    return printed.output
  }
}
