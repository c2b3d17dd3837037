/// Since when things have been seen that come and go: CLOSE_WAIT sockets, zombies. What is gone is
/// forgotten with the next update, so it never holds more than there are.
struct FirstSeen<Key: Comparable> {
  private struct Entry {
    var key: Key
    /// Seconds by a clock that nobody sets.
    var since: Double
  }

  /// Ascending by key.
  private var entries: [Entry] = []

  /// Replaces what was there by what is there now.
  /// - Parameters:
  ///   - keys: may stand there in any order and repeat.
  ///   - now: seconds, by the clock of the calls before.
  ///   - ageOfNew: how long a key that was not there before has been there already, seconds.
  mutating func update(_ keys: [Key], now: Double, ageOfNew: (Key) -> Double = { _ in 0 }) {
    var updated: [Entry] = []
    updated.reserveCapacity(keys.count)
    var old = 0
    for key in keys.sorted() where updated.last?.key != key {
      while old < entries.count, entries[old].key < key { old += 1 }
      let since = old < entries.count && entries[old].key == key ? entries[old].since : nil
      updated.append(Entry(key: key, since: since ?? now - ageOfNew(key)))
    }
    entries = updated
  }

  /// Since when a key has been there; nil where it was not among those of the last update.
  func since(_ key: Key) -> Double? {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) >> 1
      if entries[middle].key < key { low = middle + 1 } else { high = middle }
    }
    return low < entries.count && entries[low].key == key ? entries[low].since : nil
  }

  var count: Int { entries.count }
}
