extension TestHost {
  /// What `/proc/net/snmp` and `/proc/net/netstat` count, by names such as `Tcp.ActiveOpens`.
  package func kernelCounters() throws -> [String: Double] {
    let lines = try shell("cat /proc/net/snmp /proc/net/netstat").split(separator: "\n")
    var counters: [String: Double] = [:]
    // A line of names and one of values for each group.
    for (names, values) in zip(lines, lines.dropFirst()) {
      let names = names.split(separator: " ")
      let values = values.split(separator: " ")
      guard let group = names.first, group == values.first, names.count == values.count else {
        continue
      }
      for (name, value) in zip(names, values).dropFirst() {
        counters["\(group.dropLast()).\(name)"] = Double(value)
      }
    }
    return counters
  }
}
