internal import CLinuxIO
internal import Glibc

/// Moving the calling thread between network namespaces (setns(2), network_namespaces(7)).
package enum ThreadNamespace {
  /// Moves the calling thread, and no other, into the network namespace that is open.
  /// - Throws: `SystemError`: denied without CAP_SYS_ADMIN over it.
  package static func enter(_ namespace: borrowing FileDescriptor) throws(SystemError) {
    guard linux_io_enter_network_namespace(namespace.rawValue) == 0 else {
      throw .last("setns")
    }
  }
}
