import TestSupport
import Testing

extension TestHost {
  /// What to tell who wonders why a test did not run.
  static let unavailability: Comment = "needs root and permission to make namespaces"
}
