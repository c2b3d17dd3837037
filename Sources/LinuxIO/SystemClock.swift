internal import CLinuxIO
internal import Glibc

/// Clocks of the kernel that Swift has no name for (clock_gettime(2)).
package enum SystemClock {
  /// CPU time of the calling thread.
  package static var threadCPUTime: Duration {
    .nanoseconds(linux_io_clock_nanoseconds(CLOCK_THREAD_CPUTIME_ID))
  }

  /// Time since the boot, that in suspension included: what the kernel counts the start of a process
  /// by.
  package static var sinceBoot: Duration {
    .nanoseconds(linux_io_clock_nanoseconds(CLOCK_BOOTTIME))
  }

  /// Time since the epoch, as the host believes.
  package static var sinceEpoch: Duration {
    .nanoseconds(linux_io_clock_nanoseconds(CLOCK_REALTIME))
  }
}
