/// The two internet address families.
package enum AddressFamily: Int, CaseIterable, Sendable {
  case ipv4
  case ipv6

  /// The value of the `family` label.
  package var label: StaticString {
    switch self {
    case .ipv4: "ipv4"
    case .ipv6: "ipv6"
    }
  }
}
