package import LinuxIO

/// Why the server did not start. Nothing of it runs then, and no address stays bound.
package enum HTTPServerError: Error, Equatable, CustomStringConvertible {
  /// The kernel refused the address: in use, not of this host, or a port that needs privileges.
  case cannotListen(ListenAddress, SystemError)
  /// The name has no address; the reason is the resolver's (getaddrinfo(3)).
  case cannotResolve(ListenAddress, reason: String)
  /// The socket listens but the serving thread could not be started: out of threads or descriptors.
  case cannotServe(ListenAddress, SystemError)
  /// A descriptor that was passed is not a listening TCP socket.
  case cannotUsePassed(Int32, reason: String)
  /// The configuration has no address.
  case noAddress
  /// `start()` was called on a running server.
  case alreadyStarted

  package var description: String {
    switch self {
    case .cannotListen(let address, let error):
      "cannot listen on \(address): \(error)"
    case .cannotResolve(let address, let reason):
      "cannot listen on \(address): \(reason)"
    case .cannotServe(let address, let error):
      "cannot serve \(address): \(error)"
    case .cannotUsePassed(let descriptor, let reason):
      "passed descriptor \(descriptor) is not a listening TCP socket: \(reason)"
    case .noAddress: "there is no address to listen on"
    case .alreadyStarted: "the server is running already"
    }
  }
}
