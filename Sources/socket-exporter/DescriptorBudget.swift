internal import ArgumentParser
internal import Glibc
internal import Logging

/// Divides the process's descriptors between clients and the sampler: however many clients connect,
/// the sampler must still be able to open what it reads.
enum DescriptorBudget {
  /// What the exporter needs for itself: listening, polling, and reading the kernel.
  private static let reserve = 48

  /// Raises the soft limit of descriptors towards what the connections need, as far as the hard one
  /// allows, and tells how many connections fit.
  /// - Throws: `ValidationError` where not even a few do.
  static func connections(wanted: Int, logger: Logger) throws -> Int {
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    var limit = rlimit()
    guard unsafe getrlimit(resource, &limit) == 0 else { return wanted }
    let needed = rlim_t(wanted + reserve)
    if limit.rlim_cur < needed {
      var raised = limit
      raised.rlim_cur = min(limit.rlim_max, needed)
      if unsafe setrlimit(resource, &raised) == 0 { limit = raised }
    }
    if limit.rlim_cur >= needed { return wanted }
    let room = Int(limit.rlim_cur) - reserve
    guard room > 0 else {
      throw ValidationError(
        "the limit of open files (ulimit -n) is \(limit.rlim_cur); at least \(reserve + 1) are needed"
      )
    }
    logger.warning(
      "the limit of open files leaves room for fewer connections",
      metadata: [
        "wanted": "\(wanted)", "connections": "\(room)", "max_fds": "\(limit.rlim_cur)",
      ])
    return room
  }
}
