internal import Glibc

/// How many descriptors a process of the tests may open.
package enum DescriptorLimit {
  /// The hard limit; actors raise their soft limit to it.
  package static let hard: Int = {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    return Int(clamping: limit.rlim_max)
  }()
}
