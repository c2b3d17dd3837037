internal import SocketModel

/// Which descriptors of which processes are which sockets: where the walk over the processes and the
/// kernel's socket tables meet.
///
/// The walk comes first and fills it, then the tables are read and mark what they know. In this order
/// a socket that comes or goes between the two is never credited to the wrong process:
/// - One that is made after its process was walked stands in a table and in no descriptor. It is
///   counted as a socket of the host at once, and credited with the next walk.
/// - One that is closed after its process was walked is in no table any more. What is left unmarked
///   is therefore looked at once more, and dropped where the descriptor no longer leads to it.
/// - Inode numbers of sockets come from a counter of 32 bits, so that between the two reads a number
///   does not return as another socket.
///
/// It takes 13 bytes a descriptor while it is in use, and up to 16 while it sorts.
struct SocketHolders {
  /// The inode of a socket in the upper half, in the lower half where its descriptor stands in
  /// `numbers`; ascending once `sort` was called, so that the descriptors of one socket stand side by
  /// side in the order of the walk.
  private var keys: [UInt64] = []
  /// Descriptor numbers in the order of the walk.
  private var numbers: [UInt32] = []
  /// Where in `numbers` the descriptors of each member begin.
  private var starts: [UInt32] = []
  /// What the tables say of each socket, beside its first key; 0 where they said nothing yet.
  private var marks: [SocketMark] = []
  /// The inode of every `blockLength`th key: small enough to stay in the processor's cache, where a
  /// search in all keys would miss at each step.
  private var pivots: [UInt32] = []

  private static let blockLength = 64

  /// One descriptor of a socket.
  struct Holder {
    /// Which process, in the order of the walk.
    var member: Int
    var descriptor: UInt32
  }

  /// Makes room for as many descriptors as there were last time and an eighth more, so that a few new
  /// ones do not double it.
  init(expecting count: Int = 0) {
    let room = count + count / 8
    keys.reserveCapacity(room)
    numbers.reserveCapacity(room)
  }

  /// Descriptors of sockets.
  var count: Int { numbers.count }

  // MARK: The walk

  /// Begins the next process.
  mutating func beginMember() {
    starts.append(UInt32(numbers.count))
  }

  /// Adds a descriptor of the process begun last.
  @inline(__always)
  mutating func append(inode: UInt32, descriptor: UInt32) {
    keys.append(UInt64(inode) << 32 | UInt64(numbers.count))
    numbers.append(descriptor)
  }

  /// Processes begun and not taken out.
  var memberCount: Int { starts.count }

  /// Takes the process begun last out again.
  mutating func dropMember() {
    guard let start = starts.popLast() else { return }
    keys.removeSubrange(Int(start)...)
    numbers.removeSubrange(Int(start)...)
  }

  /// Takes out all but the first processes: what was begun for one whose reading then failed would
  /// make each later one's sockets the next one's.
  mutating func keepMembers(_ count: Int) {
    while memberCount > count { dropMember() }
  }

  /// Ends the walk; from now on sockets can be found.
  mutating func sort() {
    keys.sort()
    marks = Array(repeating: .none, count: keys.count)
    pivots.removeAll()
    pivots.reserveCapacity(keys.count / Self.blockLength + 1)
    for position in stride(from: 0, to: keys.count, by: Self.blockLength) {
      pivots.append(inode(at: position))
    }
  }

  // MARK: The tables

  /// Notes what a table says of a socket. Nothing happens where no process holds it; a second word on
  /// the same socket replaces the first, so a table may be read again.
  @inline(__always)
  mutating func mark(_ inode: UInt32, _ mark: SocketMark) {
    guard let position = position(of: inode) else { return }
    marks[position] = mark
  }

  /// Where the descriptors of a socket begin; nil where no process holds it.
  private func position(of inode: UInt32) -> Int? {
    // The first pivot that is not less; the socket's first key is in the block before it, or is it.
    var low = 0
    var high = pivots.count
    while low < high {
      let middle = (low + high) >> 1
      if pivots[middle] < inode { low = middle + 1 } else { high = middle }
    }
    var first = max(low - 1, 0) * Self.blockLength
    var end = min(low * Self.blockLength + 1, keys.count)
    let key = UInt64(inode) << 32
    while first < end {
      let middle = (first + end) >> 1
      if keys[middle] < key { first = middle + 1 } else { end = middle }
    }
    guard first < keys.count, self.inode(at: first) == inode else { return nil }
    return first
  }

  private func inode(at position: Int) -> UInt32 {
    UInt32(truncatingIfNeeded: keys[position] >> 32)
  }

  private func holder(at position: Int) -> Holder {
    let index = UInt32(truncatingIfNeeded: keys[position])
    // The last member that begins at or before the descriptor.
    var low = 0
    var high = starts.count
    while high - low > 1 {
      let middle = (low + high) >> 1
      if starts[middle] <= index { low = middle } else { high = middle }
    }
    // A member without sockets begins where the next one does.
    return Holder(member: low, descriptor: numbers[Int(index)])
  }

  // MARK: The answer

  /// Calls `body` with each descriptor of one socket, in the order of the walk.
  func forEachHolder(of inode: UInt32, _ body: (Holder) -> Void) {
    guard var position = position(of: inode) else { return }
    repeat {
      body(holder(at: position))
      position += 1
    } while position < keys.count && self.inode(at: position) == inode
  }

  /// Calls `body` for each socket that a process holds, with its holders in the order of the walk.
  func forEachSocket(_ body: (_ inode: UInt32, SocketMark, _ holders: [Holder]) -> Void) {
    var holders: [Holder] = []
    var position = 0
    while position < keys.count {
      let inode = inode(at: position)
      let mark = marks[position]
      holders.removeAll(keepingCapacity: true)
      repeat {
        holders.append(holder(at: position))
        position += 1
      } while position < keys.count && self.inode(at: position) == inode
      body(inode, mark, holders)
    }
  }
}

/// What a table says of a socket: its kind and, of a TCP socket, its state.
struct SocketMark: Equatable {
  private let bits: UInt8

  /// No table has spoken of it.
  static let none = SocketMark(bits: 0)

  private init(bits: UInt8) { self.bits = bits }

  init(_ kind: SocketKind, state: TCPState? = nil) {
    bits = UInt8(kind.rawValue + 1) | (state?.rawValue ?? 0) << 4
  }

  var kind: SocketKind? { SocketKind(rawValue: Int(bits & 15) - 1) }
  var state: TCPState? { TCPState(rawValue: bits >> 4) }
}
