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
    of descriptor: borrowing FileDescriptor, name: String, _ body: (Span<UInt8>) throws -> Value
  ) throws -> Value {
    var count = 0
    while true {
      if count == storage.count {
        storage.append(contentsOf: repeatElement(0, count: storage.count))
      }
      let received = unsafe storage.withUnsafeMutableBytes { (room) -> Int in
        let free = unsafe UnsafeMutableRawBufferPointer(rebasing: room[count...])
        return retryingInterrupts { unsafe read(descriptor.rawValue, free.baseAddress, free.count) }
      }
      guard received >= 0 else { throw SystemError.last("read", name) }
      if received == 0 { break }
      count += received
    }
    return try body(storage.span.extracting(0..<count))
  }
}
