internal import Glibc

/// Listening sockets that a service manager made and passed to this process: descriptors from 3 on,
/// and the variables that tell of them (sd_listen_fds(3)).
package enum PassedSockets {
  private static let firstDescriptor: Int32 = 3
  /// More than a socket unit would ever have; it keeps the descriptors' numbers in range.
  private static let maximumCount: Int32 = 1024

  /// Takes the descriptors over. The variables are removed, so that no child takes them for its own,
  /// and the descriptors are closed on exec. Works once.
  /// - Returns: at least one descriptor, open but not looked at further.
  package static func take() throws(PassedSocketsError) -> [Int32] {
    let passed = try descriptors(to: getpid()) { name in
      unsafe getenv(name).map { unsafe String(cString: $0) }
    }
    for name in ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"] { unsafe unsetenv(name) }
    for descriptor in passed {
      guard fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 else { throw .closed(descriptor) }
    }
    return Array(passed)
  }

  /// What the variables say.
  package static func descriptors(
    to process: Int32, variable: (String) -> String?
  ) throws(PassedSocketsError) -> Range<Int32> {
    guard let count = variable("LISTEN_FDS") else { throw .none }
    guard let number = Int32(count), 1...maximumCount ~= number else { throw .badCount(count) }
    guard let receiver = variable("LISTEN_PID") else { throw .noReceiver }
    guard Int32(receiver) == process else { throw .otherReceiver(receiver, process: process) }
    return firstDescriptor..<firstDescriptor + number
  }
}

/// Why there are no passed sockets to serve. The description names the variable and its value.
package enum PassedSocketsError: Error, Equatable, CustomStringConvertible {
  /// `LISTEN_FDS` is not set: nobody passed anything.
  case none
  /// `LISTEN_FDS` is no number of sockets.
  case badCount(String)
  /// `LISTEN_PID` is not set.
  case noReceiver
  /// `LISTEN_PID` is another process: the variables were inherited, the sockets are not meant for this one.
  case otherReceiver(String, process: Int32)
  /// `LISTEN_FDS` counts a descriptor that is not open.
  case closed(Int32)

  package var description: String {
    switch self {
    case .none:
      "no sockets were passed: LISTEN_FDS is not set; it is set by a systemd socket unit and by systemd-socket-activate"
    case .badCount(let value):
      "LISTEN_FDS=\"\(value)\" is not a number of sockets from 1 to 1024"
    case .noReceiver:
      "LISTEN_FDS is set but LISTEN_PID is not, so it is not known whom the sockets are for"
    case .otherReceiver(let value, let process):
      "LISTEN_PID=\"\(value)\" but this is process \(process): the sockets are for another one"
    case .closed(let descriptor):
      "passed descriptor \(descriptor) is not open, though LISTEN_FDS counts it"
    }
  }
}
