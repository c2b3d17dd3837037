internal import Glibc

/// Where to listen: an address or name and a TCP port, as written after `--web.listen-address`.
package struct ListenAddress: Sendable, Equatable, CustomStringConvertible {
  /// A host name, an IPv4 address, or an IPv6 address without brackets; empty means every address
  /// of the host, IPv4 and IPv6 on one socket.
  package let host: String
  /// The port; 0 lets the kernel choose a free one, which `HTTPServer.boundAddresses` then tells.
  package let port: UInt16

  init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }

  /// Reads `:9477`, `127.0.0.1:9477`, `[::1]:9477` or `localhost:9477`. A name is looked up when
  /// the server starts, not here.
  package init(parsing text: String) throws(ListenAddressError) {
    func refused(_ problem: ListenAddressError.Problem) -> ListenAddressError {
      ListenAddressError(value: text, problem: problem)
    }
    guard let colon = text.lastIndex(of: ":") else { throw refused(.noPort) }
    let host = text[..<colon]
    let digits = text[text.index(after: colon)...]
    guard !digits.isEmpty, digits.utf8.allSatisfy({ 0x30...0x39 ~= $0 }), let port = UInt16(digits)
    else { throw refused(digits.hasSuffix("]") ? .noPort : .badPort) }
    self.port = port

    if host.hasPrefix("[") {
      guard host.hasSuffix("]") else { throw refused(.badHost) }
      self.host = String(host.dropFirst().dropLast())
      // `%` begins the interface that a link-local address belongs to.
      let address = self.host.prefix { $0 != "%" }
      guard Self.isNumeric(String(address), family: AF_INET6) else { throw refused(.badIPv6) }
    } else {
      guard !host.contains(":") else { throw refused(.bracketsMissing) }
      guard host.utf8.allSatisfy(Self.isHostNameByte) else { throw refused(.badHost) }
      self.host = String(host)
      let onlyDigits = host.utf8.allSatisfy { 0x30...0x39 ~= $0 || $0 == 0x2e }
      guard host.isEmpty || !onlyDigits || Self.isNumeric(self.host, family: AF_INET) else {
        throw refused(.badIPv4)
      }
    }
  }

  package var description: String {
    host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }

  private static func isHostNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"),
      UInt8(ascii: "_"):
      true
    default: false
    }
  }

  private static func isNumeric(_ text: String, family: Int32) -> Bool {
    var address = in6_addr()
    return unsafe inet_pton(family, text, &address) == 1
  }
}

/// A listen address that cannot be read. The description names the value and what is valid.
package struct ListenAddressError: Error, Equatable, CustomStringConvertible {
  /// What is wrong with the value.
  package enum Problem: String, Sendable {
    case noPort = "the port is missing"
    case badPort = "the port is not a number from 0 to 65535"
    case badHost = "the host is not a name or address"
    case badIPv4 = "the host is not an IPv4 address"
    case badIPv6 = "the host is not an IPv6 address"
    case bracketsMissing = "an IPv6 address stands in brackets"
  }

  /// The text that was given.
  package let value: String
  /// What is wrong with it.
  package let problem: Problem

  package init(value: String, problem: Problem) {
    self.value = value
    self.problem = problem
  }

  package var description: String {
    "\"\(value)\": \(problem.rawValue); "
      + "valid are :9477, 127.0.0.1:9477, [::1]:9477 and localhost:9477"
  }
}
