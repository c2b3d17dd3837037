internal import CZlib

/// Compression for `Content-Encoding: gzip` (RFC 1952), by zlib.
package enum Gzip {
  /// Fast rather than small: a page of metrics shrinks to about a twelfth even so.
  private static let level: Int32 = 4
  /// The greatest window, and 16 to ask for a gzip header instead of zlib's own.
  private static let windowBits: Int32 = 15 + 16
  private static let memoryLevel: Int32 = 8

  /// The bytes compressed; the same bytes give the same result. Nil where zlib has no memory.
  package static func compress(_ bytes: [UInt8]) -> [UInt8]? {
    var stream = unsafe z_stream()
    guard
      unsafe deflateInit2_(
        &stream, level, Z_DEFLATED, windowBits, memoryLevel, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
        Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { return nil }
    defer { unsafe deflateEnd(&stream) }
    guard let length = UInt32(exactly: bytes.count) else { return nil }
    let bound = unsafe Int(deflateBound(&stream, uLong(length)))
    var input = bytes
    return unsafe input.withUnsafeMutableBufferPointer { (input) -> [UInt8]? in
      let result = unsafe [UInt8](unsafeUninitializedCapacity: bound) { (output, count) in
        unsafe stream.next_in = input.baseAddress
        unsafe stream.avail_in = length
        unsafe stream.next_out = output.baseAddress
        unsafe stream.avail_out = UInt32(output.count)
        if unsafe deflate(&stream, Z_FINISH) == Z_STREAM_END {
          count = unsafe Int(stream.total_out)
        }
      }
      return result.isEmpty ? nil : result
    }
  }
}
