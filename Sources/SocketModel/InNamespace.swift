/// What was read in one network namespace.
package struct InNamespace<Value: Sendable & Equatable>: Sendable, Equatable {
  /// The value of the `netns` label: the name that ip-netns(8) knows it by, else the first twelve
  /// characters of its container's id, else `ns-` and its inode. Nil for the exporter's own.
  package var namespace: String?
  package var value: Value

  package init(namespace: String?, value: Value) {
    self.namespace = namespace
    self.value = value
  }
}

extension Array {
  /// The value of the exporter's own namespace.
  package func own<Value>() -> Value? where Element == InNamespace<Value> {
    first { $0.namespace == nil }?.value
  }
}
