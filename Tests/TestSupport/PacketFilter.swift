/// Packets that a host loses, as a network that is cut would.
///
/// Both ends of a connection of a test are on one host. What is lost is lost on arrival: where it is on
/// the way out, the kernel tells the sender, which then does not wait for an answer.
extension TestHost {
  /// Drops the packets for which these nftables expressions hold, such as `tcp dport 80`.
  package func drop(_ expressions: String...) throws {
    let rules = expressions.map { "\($0) drop" }.joined(separator: "\n")
    try shell(
      """
      nft -f - <<RULES
      table inet lost {
        chain input {
          type filter hook input priority 0;
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
