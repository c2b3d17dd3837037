internal import Glibc
internal import LinuxIO
internal import Logging
internal import Synchronization

/// Tells the service manager that started the exporter how it is, as sd_notify(3) does: by datagrams to
/// the socket that `NOTIFY_SOCKET` names.
final class ServiceManager: Sendable {
  private let socketPath: String
  private let sampledMessage: String
  private let logger: Logger
  private let hasComplained = Atomic(false)

  /// Nil where nobody wants to be told.
  /// - Parameter interval: time from one sample to the next. A watchdog that would not wait for five of
  ///   them is told to: it is as long as numbers are served.
  init?(interval: Duration, logger: Logger) {
    guard let path = Self.variable("NOTIFY_SOCKET"), !path.isEmpty else { return nil }
    socketPath = path
    self.logger = logger
    // Readiness is told again with every sample: a datagram may be lost, and to hear it twice changes
    // nothing.
    var message = "READY=1\nWATCHDOG=1"
    let patience = (interval * 5) / .microseconds(1)
    if let watchdog = Self.variable("WATCHDOG_USEC").flatMap(Double.init), watchdog < patience {
      message += "\nWATCHDOG_USEC=\(Int64(patience))"
    }
    sampledMessage = message
  }

  /// A sample was published: the exporter is ready, and alive.
  func tellSampled() { tell(sampledMessage) }

  /// The exporter was asked to end.
  func tellStopping() { tell("STOPPING=1") }

  private func tell(_ message: String) {
    do {
      try send(message)
    } catch {
      guard !hasComplained.exchange(true, ordering: .relaxed) else { return }
      logger.warning(
        "the service manager cannot be told; said once", metadata: ["error": "\(error)"])
    }
  }

  private func send(_ message: String) throws(SystemError) {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    var name = Array(socketPath.utf8)
    // An abstract socket: its name begins with NUL, and has no other to end it.
    if name[0] == UInt8(ascii: "@") { name[0] = 0 }
    let room = MemoryLayout.size(ofValue: address.sun_path)
    guard name.count < room else { throw SystemError("sendto", socketPath, code: ENAMETOOLONG) }
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: name) }
    let length = socklen_t(MemoryLayout<sockaddr_un>.size - room + name.count)

    let type = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue)
    let number = socket(AF_UNIX, type, 0)
    guard number >= 0 else { throw .last("socket") }
    let descriptor = FileDescriptor(adopting: number)
    let bytes = Array(message.utf8)
    // Never waits: a manager that does not read must not stop the samples.
    let count = unsafe withUnsafeBytes(of: &address) { address in
      unsafe sendto(
        descriptor.rawValue, bytes, bytes.count, Int32(MSG_DONTWAIT),
        address.baseAddress?.assumingMemoryBound(to: sockaddr.self), length)
    }
    guard count == bytes.count else { throw .last("sendto", socketPath) }
  }

  private static func variable(_ name: String) -> String? {
    unsafe getenv(name).map { unsafe String(cString: $0) }
  }
}
