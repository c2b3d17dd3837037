/// Packets that a host loses, as a network that is cut would.
///
/// Both ends of a connection of a test are on one host, so what is dropped on the way out is lost for
/// one direction only.
extension TestHost {
  /// Drops the packets for which these nftables expressions hold, such as `tcp dport 80`.
  package func drop(_ expressions: String...) throws {
    let rules = expressions.map { "\($0) drop" }.joined(separator: "\n")
    try shell(
      """
      nft -f - <<RULES
      table inet lost {
        chain output {
          type filter hook output priority 0;
          $1
        }
      }
      RULES
      """, rules)
  }

  /// Drops nothing any more.
  package func dropNothing() throws {
    try shell("nft delete table inet lost")
  }
}
