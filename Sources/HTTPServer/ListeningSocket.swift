internal import Glibc
internal import LinuxIO

/// A TCP socket that is bound and listening.
struct ListeningSocket: ~Copyable {
  /// The descriptor; whoever takes it closes it.
  let descriptor: FileDescriptor
  /// The address it was asked for, with the port that it got.
  let address: ListenAddress

  /// Binds and listens. A name with several addresses gets one of them, IPv4 before IPv6. A
  /// wildcard address is one socket for IPv4 and IPv6, or for IPv4 where the host has no IPv6.
  init(_ address: ListenAddress) throws(HTTPServerError) {
    if address.host.isEmpty {
      do {
        try self.init(address, family: AF_INET6)
      } catch .cannotListen(_, let reason)
        where [EAFNOSUPPORT, EADDRNOTAVAIL].contains(reason.code)
      {
        try self.init(address, family: AF_INET)
      }
      return
    }
    do {
      try self.init(address, family: AF_INET)
    } catch .cannotResolve {
      try self.init(address, family: AF_INET6)
    }
  }

  private init(_ address: ListenAddress, family: Int32) throws(HTTPServerError) {
    func failed(_ operation: StaticString) -> HTTPServerError {
      .cannotListen(address, .last(operation))
    }

    var wanted = unsafe addrinfo()
    unsafe wanted.ai_family = family
    unsafe wanted.ai_socktype = Int32(SOCK_STREAM.rawValue)
    unsafe wanted.ai_flags = AI_PASSIVE | AI_NUMERICSERV
    var found: UnsafeMutablePointer<addrinfo>?
    let host = address.host.isEmpty ? nil : address.host
    let outcome = unsafe getaddrinfo(host, String(address.port), &wanted, &found)
    guard outcome == 0, let first = unsafe found else {
      throw .cannotResolve(address, reason: unsafe String(cString: gai_strerror(outcome)))
    }
    defer { unsafe freeaddrinfo(first) }

    let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let number = socket(family, type, 0)
    guard number >= 0 else { throw failed("socket") }
    let descriptor = FileDescriptor(adopting: number)
    // A restarted exporter gets its port although old connections are still in TIME_WAIT.
    guard Self.set(SO_REUSEADDR, at: SOL_SOCKET, to: 1, on: number) else {
      throw failed("setsockopt")
    }
    if family == AF_INET6 {
      guard Self.set(IPV6_V6ONLY, at: Int32(IPPROTO_IPV6), to: 0, on: number) else {
        throw failed("setsockopt")
      }
    }
    guard unsafe bind(number, first.pointee.ai_addr, first.pointee.ai_addrlen) == 0 else {
      throw failed("bind")
    }
    guard listen(number, SOMAXCONN) == 0 else { throw failed("listen") }
    guard let port = Self.port(of: number) else { throw failed("getsockname") }
    self.descriptor = descriptor
    self.address = ListenAddress(host: address.host, port: port)
  }

  private static func set(_ option: Int32, at level: Int32, to value: Int32, on socket: Int32)
    -> Bool
  {
    var value = value
    return unsafe setsockopt(socket, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
      == 0
  }

  /// The port stands at the same place in `sockaddr_in` and `sockaddr_in6`.
  private static func port(of socket: Int32) -> UInt16? {
    var name = sockaddr_in6()
    var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
    let outcome = unsafe withUnsafeMutableBytes(of: &name) { name in
      unsafe getsockname(
        socket, name.baseAddress?.assumingMemoryBound(to: sockaddr.self), &length)
    }
    return outcome == 0 ? UInt16(bigEndian: name.sin6_port) : nil
  }
}
