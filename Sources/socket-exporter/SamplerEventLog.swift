internal import Logging
internal import Sampling
internal import SocketModel

extension Sampler.Event {
  func log(to logger: Logger) {
    switch self {
    case .collectorFailed(let collector, let error):
      logger.warning(
        "collector failed; told once until it recovers",
        metadata: ["collector": "\(collector.name)", "error": "\(error)"])
    case .collectorRecovered(let collector):
      logger.info("collector recovered", metadata: ["collector": "\(collector.name)"])
    case .namespaceFailed(let name, let error):
      logger.warning(
        "network namespace not read; told once until it can be",
        metadata: ["netns": "\(name)", "error": "\(error)"])
    case .namespacesRefused(let error):
      logger.warning(
        "no other network namespace can be entered, reading the exporter's own",
        metadata: ["error": "\(error)"])
    case .namespacesHidden(let processes):
      logger.warning(
        "network namespaces of processes cannot be read, taking them for the exporter's own",
        metadata: ["processes": "\(processes)"])
    case .collectorSlowed(let collector, let interval):
      logger.warning(
        "collector runs less often to stay within --collect.cpu-budget; told once until it keeps up",
        metadata: [
          "collector": "\(collector.name)", "interval_seconds": "\(interval.components.seconds)",
        ])
    case .collectorKeepsUp(let collector):
      logger.info(
        "collector runs at every interval again", metadata: ["collector": "\(collector.name)"])
    case .tableSourceChanged(_, let reason):
      if let reason {
        logger.warning(
          "sock_diag is not available, reading /proc/net/tcp", metadata: ["error": "\(reason)"])
      } else {
        logger.info("sock_diag is available")
      }
    case .iteratorUnavailable(let error):
      logger.info(
        "reading descriptors from /proc, for BPF is not available", metadata: ["error": "\(error)"])
    case .iteratorFailed(let error):
      logger.warning(
        "BPF failed, reading descriptors from /proc from now on", metadata: ["error": "\(error)"])
    }
  }
}
