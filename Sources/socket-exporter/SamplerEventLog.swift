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
    case .backendChanged(let backend, let reason):
      if let reason {
        logger.warning(
          "sock_diag is not available, reading /proc/net/tcp",
          metadata: ["backend": "\(backend.label)", "error": "\(reason)"])
      } else {
        logger.info("sock_diag is available", metadata: ["backend": "\(backend.label)"])
      }
    }
  }
}
