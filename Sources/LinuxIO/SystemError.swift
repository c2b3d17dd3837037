internal import Glibc

/// A system call that failed: what was asked of the kernel, of what, and its answer.
package struct SystemError: Error, Equatable, CustomStringConvertible {
  /// The system call, e.g. `open`.
  package let operation: StaticString
  /// The file or object it was applied to; empty where there is none to name.
  package let subject: String
  /// The error number as in errno(3).
  package let code: Int32

  package init(_ operation: StaticString, _ subject: String = "", code: Int32) {
    self.operation = operation
    self.subject = subject
    self.code = code
  }

  /// Builds the error from the calling thread's current `errno`.
  package static func last(_ operation: StaticString, _ subject: String = "") -> SystemError {
    SystemError(operation, subject, code: errno)
  }

  package var description: String {
    let reason = unsafe String(cString: strerror(code))
    return subject.isEmpty ? "\(operation): \(reason)" : "\(operation) \(subject): \(reason)"
  }

  package static func == (left: SystemError, right: SystemError) -> Bool {
    left.code == right.code && left.subject == right.subject
      && left.operation.description == right.operation.description
  }

  /// The object went away while it was being looked at: a process that ended, mostly.
  package var isGone: Bool { code == ENOENT || code == ESRCH }

  /// A name or a path is longer than the kernel can tell.
  package var isNameTooLong: Bool { code == ENAMETOOLONG }

  /// The exporter or the host has run out of descriptors or memory, whatever was asked for.
  package var isExhaustion: Bool {
    code == EMFILE || code == ENFILE || code == ENOMEM || code == ENOBUFS
  }

  /// The kernel refused for lack of permission.
  package var isDenied: Bool { code == EACCES || code == EPERM }
}

/// Repeats a system call for as long as a signal interrupts it, so that EINTR is handled in one
/// place only.
package func retryingInterrupts<Result: SignedInteger>(_ call: () -> Result) -> Result {
  while true {
    let result = call()
    if result != -1 || errno != EINTR { return result }
  }
}
