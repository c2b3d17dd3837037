internal import Foundation

/// Further network namespaces on a test's own host, as containers have them.
extension TestHost {
  /// Makes a network namespace with a name of ip-netns(8).
  package func makeNetworkNamespace(named name: String) throws {
    // Namespaces are known to ip-netns(8) by files in /run/netns. Nobody else may see this one, and
    // the real host is to keep nothing of it.
    try shell(
      """
      test -e /run/only-of-this-host || mount -t tmpfs tmpfs /run
      touch /run/only-of-this-host
      ip netns add "$1"
      ip -n "$1" link set lo up
      """, name)
  }

  /// The command that runs another one in a named network namespace.
  package static func inNetworkNamespace(_ name: String) -> [String] {
    ["nsenter", "--net=/run/netns/\(name)"]
  }

  /// The command that runs another one in a network namespace of its own, which has no name.
  package static let inOwnNetworkNamespace = [
    "unshare", "--net", "sh", "-euc", "ip link set lo up; exec \"$@\"", "sh",
  ]

  /// What the network namespaces without a name are called after.
  package func networkNamespace(of actor: SocketActor) throws -> String {
    let link = try shell("readlink /proc/$1/ns/net", "\(actor.pid())")
    return String(link.filter(\.isNumber))
  }

  /// Lets a process appear in this control group, such as `/system.slice/cron.service`, to all
  /// processes of the host.
  ///
  /// To make a real group would take the right to, and would be seen on the real host.
  package func setControlGroup(_ path: String, of actor: SocketActor) throws {
    try shell(
      """
      echo "0::$2" > "$3/cgroup-$1"
      mount --bind "$3/cgroup-$1" "/proc/$1/cgroup"
      """, "\(actor.pid())", path, directory)
  }
}
