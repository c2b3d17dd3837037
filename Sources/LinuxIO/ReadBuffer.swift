internal import Glibc

/// Memory that whole small files are read into, kept between reads so that a sample that reads the
/// same files again allocates nothing.
package struct ReadBuffer: ~Copyable {
  private var storage: [UInt8]

  /// - Parameter capacity: bytes to begin with; the buffer doubles when a file is longer.
  package init(capacity: Int = 16 << 10) {
    storage = [UInt8](repeating: 0, count: max(capacity, 64))
  }

  /// Reads a descriptor to its end and lends the bytes to `body`.
  ///
  /// Files in /proc have no size to trust, so the end is where read(2) returns 0.
  /// - Parameter name: what to call the file in an error.
  package mutating func withContents<Value>(
    of descriptor: borrowing FileDescriptor, name: @autoclosure () -> String,
    _ body: (Span<UInt8>) throws -> Value
  ) throws -> Value {
    var count = 0
    while true {
      let received = try fill(from: count, of: descriptor, name: name())
      if received == 0 { break }
      count += received
    }
    return try body(storage.span.extracting(0..<count))
  }

  /// Reads a descriptor to its end and lends its lines one by one, each without its newline and with
  /// its number beginning at 1. However long the file, only the longest line must fit in memory.
  /// - Parameter name: what to call the file in an error.
  package mutating func forEachLine(
    of descriptor: borrowing FileDescriptor, name: @autoclosure () -> String,
    _ body: (_ line: Span<UInt8>, _ number: Int) throws -> Void
  ) throws {
    var count = 0
    var number = 0
    while true {
      let received = try fill(from: count, of: descriptor, name: name())
      let end = count + received
      var start = 0
      do {
        let filled = storage.span.extracting(0..<end)
        if received == 0 {
          if end > 0 { try body(filled, number + 1) }
          return
        }
        // What is left of the last read has no newline, so the search begins behind it.
        var search = count
        while let newline = filled.firstIndex(of: UInt8(ascii: "\n"), from: search) {
          number += 1
          try body(filled.extracting(start..<newline), number)
          start = newline + 1
          search = start
        }
      }
      moveToFront(start..<end)
      count = end - start
    }
  }

  /// Reads once into the storage behind its first `count` bytes and tells how many bytes came.
  private mutating func fill(
    from count: Int, of descriptor: borrowing FileDescriptor, name: @autoclosure () -> String
  ) throws(SystemError) -> Int {
    if count == storage.count {
      storage.append(contentsOf: repeatElement(0, count: storage.count))
    }
    let number = descriptor.rawValue
    let received = unsafe storage.withUnsafeMutableBytes { (room) -> Int in
      let free = unsafe UnsafeMutableRawBufferPointer(rebasing: room[count...])
      return retryingInterrupts { unsafe read(number, free.baseAddress, free.count) }
    }
    guard received >= 0 else { throw .last("read", name()) }
    return received
  }

  private mutating func moveToFront(_ range: Range<Int>) {
    guard range.lowerBound > 0 else { return }
    unsafe storage.withUnsafeMutableBytes { (room) in
      unsafe room.copyMemory(from: UnsafeRawBufferPointer(rebasing: room[range]))
    }
  }
}
