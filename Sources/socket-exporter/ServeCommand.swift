internal import ArgumentParser
internal import HTTPServer
internal import Logging
internal import Metrics
internal import ProcFS
internal import Sampling
internal import ServiceLifecycle
internal import SocketModel
internal import UnixSignals

/// `socket-exporter serve`, the default.
struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Sample on an interval and serve the latest sample (default).")

  /// Shorter would make the exporter the incident; longer is no longer monitoring.
  private static let intervals: ClosedRange<DurationArgument> = {
    guard let shortest = DurationArgument("100ms"), let longest = DurationArgument("1h") else {
      preconditionFailure("not durations")
    }
    return shortest...longest
  }()

  @Option(
    name: .customLong("collect.interval"), parsing: .unconditional,
    help: ArgumentHelp(
      "Time from one sample to the next, e.g. 500ms, 5s, 1m. (default: 5s)", valueName: "duration"),
    transform: { try DurationArgument(parsing: $0, in: Self.intervals) })
  var interval = DurationArgument("5s") ?? Self.intervals.upperBound

  @Option(
    name: .customLong("collect.cpu-budget"), parsing: .unconditional,
    help: ArgumentHelp(
      "CPU time that samples may take, in percent of one core; a collector that costs more runs less often. 'off' for no bound. (default: 2%)",
      valueName: "percent"),
    transform: CPUBudget.init(parsing:))
  var cpuBudget = CPUBudget.standard

  @OptionGroup(title: "Web options")
  var web: WebOptions

  @OptionGroup(title: "Sampling options")
  var sampling: SamplingOptions

  @OptionGroup(title: "Logging options")
  var log: LogOptions

  func run() async throws {
    let logger = log.logger
    // First, while no other thread reads the environment, from which passed sockets are removed.
    var configuration = try web.makeConfiguration()
    let sampler = try sampling.sampler(
      interval: interval.duration, cpuBudget: cpuBudget.share
    ) { $0.log(to: logger) }
    let counts = HTTPCountsSource()
    let includesExporter = !web.disablesExporterMetrics
    let cache = SnapshotCache { snapshot in
      Pages(snapshot, http: { counts.current }, includesExporter: includesExporter)
    }
    let routes = Routes(
      cache: cache, telemetryPath: web.telemetryPath, collectors: sampling.collectors)
    let router = routes.router
    configuration.maximumConnections = try DescriptorBudget.connections(
      wanted: configuration.maximumConnections, logger: logger)
    let server = HTTPServer(configuration: configuration) { request in
      router.respond(to: request)
    }
    counts.observe(server)
    try server.start()
    let start = StartReport(
      addresses: server.boundAddresses, interval: interval.text, collectors: sampling.collectors)

    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: [
          // Services stop in the opposite order: first the server, then what feeds it.
          .init(
            service: SamplingService(
              sampler: sampler, cache: cache,
              manager: ServiceManager(interval: interval.duration, logger: logger)
            ) { start.log($0, to: logger) }),
          .init(service: WatchService(cache: cache, interval: interval.duration)),
          .init(service: WebService(server: server)),
        ],
        gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
    try await group.run()
    logger.info("stopped")
  }
}
