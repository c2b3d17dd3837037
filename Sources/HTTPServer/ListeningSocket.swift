internal import Glibc
internal import LinuxIO

/// A TCP socket that is bound and listening.
struct ListeningSocket: ~Copyable {
  /// The descriptor; whoever takes it closes it.
  let descriptor: FileDescriptor
  /// The address it was asked for, with the port that it got; of a passed socket, what it is bound to.
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
    guard let bound = ListenAddress(boundTo: number) else { throw failed("getsockname") }
    self.descriptor = descriptor
    self.address = ListenAddress(host: address.host, port: bound.port)
  }

  /// Takes a socket that was passed to this process, and with it the duty to close it.
  init(passed number: Int32) throws(HTTPServerError) {
    func refused(_ reason: String) -> HTTPServerError { .cannotUsePassed(number, reason: reason) }
    let descriptor = FileDescriptor(adopting: number)
    guard let type = Self.get(SO_TYPE, on: number) else {
      throw refused("\(SystemError.last("getsockopt"))")
    }
    let family = Self.get(SO_DOMAIN, on: number)
    guard type == Int32(SOCK_STREAM.rawValue), family == AF_INET || family == AF_INET6 else {
      throw refused("it is of another kind (ListenStream= with a port makes TCP)")
    }
    guard Self.get(SO_ACCEPTCONN, on: number) == 1 else {
      throw refused("it does not listen (Accept=yes passes connections)")
    }
    guard let address = ListenAddress(boundTo: number) else {
      throw refused("\(SystemError.last("getsockname"))")
    }
    // A connection that was announced may be gone when it is accepted; that must not wait for the next.
    let flags = fcntl(number, F_GETFL)
    guard flags >= 0, fcntl(number, F_SETFL, flags | O_NONBLOCK) == 0 else {
      throw refused("\(SystemError.last("fcntl"))")
    }
    self.descriptor = descriptor
    self.address = address
  }

  private static func get(_ option: Int32, on socket: Int32) -> Int32? {
    var value: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    return unsafe getsockopt(socket, SOL_SOCKET, option, &value, &length) == 0 ? value : nil
  }

  private static func set(_ option: Int32, at level: Int32, to value: Int32, on socket: Int32)
    -> Bool
  {
    var value = value
    return unsafe setsockopt(socket, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
      == 0
  }
}

extension ListenAddress {
  /// What a TCP socket is bound to, in numbers; the host is empty where that is every address. Nil where
  /// the kernel does not tell.
  fileprivate init?(boundTo socket: Int32) {
    var name = sockaddr_in6()
    var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
    var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
    let outcome = unsafe withUnsafeMutableBytes(of: &name) { name in
      guard let name = unsafe name.baseAddress?.assumingMemoryBound(to: sockaddr.self),
        unsafe getsockname(socket, name, &length) == 0
      else { return false }
      return unsafe getnameinfo(
        name, length, &host, socklen_t(host.count), nil, 0, NI_NUMERICHOST) == 0
    }
    guard outcome else { return nil }
    let text = String(
      decoding: host.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    // The port stands at the same place in `sockaddr_in` and `sockaddr_in6`.
    self.init(
      host: ["::", "0.0.0.0"].contains(text) ? "" : text, port: UInt16(bigEndian: name.sin6_port))
  }
}
