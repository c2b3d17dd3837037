internal import SocketModel

/// Counts the connections between each source address and destination in one pass and in bounded
/// memory (J. Misra, D. Gries: Finding repeated elements, 1982).
///
/// At most `capacity` pairs are told apart at a time. A connection of another pair takes one from the
/// count of each instead, and the pairs that come to nothing make room. So the counts are exact as
/// long as there are no more pairs; beyond that none is too great, and each is too small by less than
/// one in `capacity` of all connections: by 61 at most among a million. Every pair that has more than
/// that is found, in whatever order they come.
struct PortUses {
  struct Pair: Equatable {
    var source: IPAddress
    var destination: IPAddress
    var destinationPort: UInt16

    var hash: Int {
      var hash = source.high ^ source.low &* 0x9e37_79b9_7f4a_7c15
      hash = (hash ^ destination.high) &* 0x9e37_79b9_7f4a_7c15
      hash = (hash ^ hash >> 29 ^ destination.low) &* 0xbf58_476d_1ce4_e5b9
      hash = (hash ^ hash >> 32 ^ UInt64(destinationPort)) &* 0x9e37_79b9_7f4a_7c15
      return Int(truncatingIfNeeded: hash >> 33)
    }
  }

  static let capacity = 1 << 14

  private var pairs: [Pair] = []
  private var counts: [UInt32] = []
  /// Places in `pairs` plus one, found by the hash; twice as many as there can be pairs, so that a
  /// search ends soon.
  private var slots: [UInt16] = []

  mutating func add(from source: IPAddress, to destination: IPAddress, port: UInt16) {
    if slots.isEmpty { slots = Array(repeating: 0, count: Self.capacity * 2) }
    let pair = Pair(source: source, destination: destination, destinationPort: port)
    let slot = slot(of: pair)
    if slots[slot] != 0 {
      counts[Int(slots[slot]) - 1] += 1
    } else if pairs.count < Self.capacity {
      pairs.append(pair)
      counts.append(1)
      slots[slot] = UInt16(pairs.count)
    } else {
      takeOneFromEach()
    }
  }

  /// Where a pair stands in `slots`, or would.
  private func slot(of pair: Pair) -> Int {
    var slot = pair.hash & (slots.count - 1)
    while slots[slot] != 0, pairs[Int(slots[slot]) - 1] != pair {
      slot = (slot + 1) & (slots.count - 1)
    }
    return slot
  }

  /// As many connections as there are places were added for each time that this is called, so it costs
  /// each of them no more than a place's share.
  private mutating func takeOneFromEach() {
    var kept = 0
    for place in pairs.indices where counts[place] > 1 {
      pairs[kept] = pairs[place]
      counts[kept] = counts[place] - 1
      kept += 1
    }
    let removed = pairs.count - kept
    guard removed > 0 else { return }
    pairs.removeLast(removed)
    counts.removeLast(removed)
    for slot in slots.indices { slots[slot] = 0 }
    for place in pairs.indices { slots[slot(of: pairs[place])] = UInt16(place + 1) }
  }

  /// The pairs that take most ports, most first; equals in the order of their addresses.
  func worst(_ count: Int) -> [EphemeralPorts.Use] {
    let ranked = pairs.indices.sorted { left, right in
      if counts[left] != counts[right] { return counts[left] > counts[right] }
      return pairs[left].order < pairs[right].order
    }
    return ranked.prefix(count).map {
      EphemeralPorts.Use(
        source: pairs[$0].source, destination: pairs[$0].destination,
        destinationPort: pairs[$0].destinationPort, ports: UInt64(counts[$0]))
    }
  }
}

extension PortUses.Pair {
  fileprivate var order: (UInt64, UInt64, UInt64, UInt64, UInt16) {
    (destination.high, destination.low, source.high, source.low, destinationPort)
  }
}
