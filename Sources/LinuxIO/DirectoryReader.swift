internal import CLinuxIO
internal import Glibc

/// Lists the entries of a directory without an allocation per entry: in /proc, where names are process
/// ids, thread ids or descriptors, there are very many.
///
/// It reads the kernel's `linux_dirent64` records itself: readdir(3) copies each of them once more.
@safe package struct DirectoryReader: ~Copyable {
  private let buffer: UnsafeMutableRawPointer
  private let capacity: Int

  /// Where a record of getdents64(2) keeps its length and its name.
  private enum RecordOffset {
    static let length = 16
    static let name = 19
  }

  /// - Parameter capacity: bytes asked of the kernel at a time.
  package init(capacity: Int = 64 << 10) {
    self.capacity = capacity
    unsafe buffer = .allocate(byteCount: capacity, alignment: 8)
  }

  deinit {
    unsafe buffer.deallocate()
  }

  /// Calls `body` with the name of each entry that begins with a digit. The name is a C string that
  /// lives as long as the call.
  /// - Parameter name: what to call the directory in an error.
  @inline(__always)
  package mutating func forEachNumericName(
    in directory: borrowing FileDescriptor, name: @autoclosure () -> String,
    _ body: (UnsafePointer<CChar>) throws(SystemError) -> Void
  ) throws(SystemError) {
    try unsafe forEachName(in: directory, name: name()) { (text) throws(SystemError) in
      if unsafe isDigit(UInt8(bitPattern: text.pointee)) { try unsafe body(text) }
    }
  }

  /// The names of all entries, `.` and `..` left out, in the directory's order.
  /// - Parameter name: what to call the directory in an error.
  package mutating func names(
    in directory: borrowing FileDescriptor, name: @autoclosure () -> String
  ) throws(SystemError) -> [String] {
    var names: [String] = []
    try unsafe forEachName(in: directory, name: name()) { (text) throws(SystemError) in
      names.append(unsafe String(cString: text))
    }
    return names.filter { $0 != "." && $0 != ".." }
  }

  @inline(__always)
  private mutating func forEachName(
    in directory: borrowing FileDescriptor, name: @autoclosure () -> String,
    _ body: (UnsafePointer<CChar>) throws(SystemError) -> Void
  ) throws(SystemError) {
    while true {
      let count = unsafe linux_io_getdents64(directory.rawValue, buffer, capacity)
      guard count >= 0 else { throw .last("getdents64", name()) }
      if count == 0 { return }
      var record = 0
      while record + RecordOffset.name < count {
        let length = unsafe buffer.loadUnaligned(
          fromByteOffset: record + RecordOffset.length, as: UInt16.self)
        // The kernel never writes an empty record; without this an invented one would loop for ever.
        guard length > RecordOffset.name else { return }
        let entry = unsafe buffer + (record + RecordOffset.name)
        try unsafe body(entry.assumingMemoryBound(to: CChar.self))
        record += Int(length)
      }
    }
  }

  /// The numbers that name entries, in the directory's order; names such as `12a` are none.
  /// - Parameter name: what to call the directory in an error.
  package mutating func numbers(
    in directory: borrowing FileDescriptor, name: @autoclosure () -> String
  ) throws(SystemError) -> [Int32] {
    var numbers: [Int32] = []
    try unsafe forEachNumericName(in: directory, name: name()) { (text) throws(SystemError) in
      if let number = unsafe decimal(text) { numbers.append(number) }
    }
    return numbers
  }
}

@inline(__always)
private func isDigit(_ byte: UInt8) -> Bool {
  byte &- UInt8(ascii: "0") < 10
}

/// Reads a whole C string as a decimal number; nil where anything else stands in it.
private func decimal(_ text: UnsafePointer<CChar>) -> Int32? {
  var value: Int32 = 0
  var position = unsafe text
  while unsafe position.pointee != 0 {
    let byte = unsafe UInt8(bitPattern: position.pointee)
    guard isDigit(byte) else { return nil }
    let (shifted, overflowed) = value.multipliedReportingOverflow(by: 10)
    let (sum, carried) = shifted.addingReportingOverflow(Int32(byte - UInt8(ascii: "0")))
    guard !overflowed, !carried else { return nil }
    value = sum
    unsafe position += 1
  }
  return value
}
