internal import Glibc
package import LinuxIO

/// Why a dump did not yield an answer.
package enum NetlinkError: Error, Equatable, CustomStringConvertible {
  /// A system call on the socket failed.
  case system(SystemError)
  /// The kernel answered the request with an error number (errno(3)).
  case refused(code: Int32)
  /// A message ends before it should, or says a length it cannot have: at this offset of a datagram.
  case malformed(offset: Int)
  /// A datagram was longer than the buffer.
  case truncated
  /// The kernel dropped messages because they were not read fast enough.
  case overrun
  /// Sockets changed so much during the dump that the kernel marked it as inconsistent
  /// (NLM_F_DUMP_INTR).
  case interrupted
  /// No answer came in time, or not all of it.
  case timedOut

  package var description: String {
    switch self {
    case .system(let error): "\(error)"
    case .refused(let code): "\(SystemError("sock_diag", code: code))"
    case .malformed(let offset): "sock_diag: malformed message at offset \(offset)"
    case .truncated: "sock_diag: datagram longer than the receive buffer"
    case .overrun: "sock_diag: the kernel dropped messages"
    case .interrupted: "sock_diag: dump interrupted by changes"
    case .timedOut: "sock_diag: no answer in time"
    }
  }

  /// Another attempt may succeed.
  package var isTransient: Bool {
    switch self {
    case .overrun, .interrupted, .timedOut, .truncated: true
    case .system, .refused: [ENOBUFS, ENOMEM, EAGAIN, EINTR, EBUSY].contains(code)
    case .malformed: false
    }
  }

  /// The kernel does not have sock_diag for what was asked, or does not let the exporter use it.
  /// Everything else is a failure that may pass.
  package var isRefusal: Bool {
    switch self {
    case .system, .refused:
      [
        EPERM, EACCES, ENOENT, EOPNOTSUPP, EPROTONOSUPPORT, EAFNOSUPPORT, ENOSYS, EINVAL,
      ].contains(code)
    case .malformed, .overrun, .interrupted, .timedOut, .truncated: false
    }
  }

  /// The error number, where the kernel gave one.
  private var code: Int32? {
    switch self {
    case .system(let error): error.code
    case .refused(let code): code
    default: nil
    }
  }
}
