/// Bytes to send, never changed after they are made: one body may be on its way to many clients at
/// once, and none of them copies it.
@safe package final class HTTPBody: Sendable {
  private nonisolated(unsafe) let storage: UnsafeRawBufferPointer

  /// Takes a copy, the only one that is made.
  package init(_ bytes: [UInt8]) {
    unsafe storage = bytes.withUnsafeBytes { unsafe Self.copy($0) }
  }

  /// The text in UTF-8.
  package init(_ text: String) {
    var text = text
    unsafe storage = text.withUTF8 { unsafe Self.copy(UnsafeRawBufferPointer($0)) }
  }

  deinit {
    unsafe storage.deallocate()
  }

  /// Length in bytes.
  package var count: Int { unsafe storage.count }

  /// Where the bytes are for as long as this object lives.
  var address: UnsafeRawPointer? { unsafe storage.baseAddress }

  private static func copy(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
    unsafe copy.copyMemory(from: bytes)
    return UnsafeRawBufferPointer(copy)
  }
}
