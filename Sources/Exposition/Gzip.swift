internal import CZlib

/// Compression for `Content-Encoding: gzip` (RFC 1952), by zlib.
package enum Gzip {
  /// Fast rather than small: a page of metrics shrinks to about a tenth even so.
  private static let level: Int32 = 1
  /// The greatest window, and 16 to ask for a gzip header instead of zlib's own.
  private static let windowBits: Int32 = 15 + 16
  private static let memoryLevel: Int32 = 8

  /// The bytes compressed; the same bytes give the same result. Nil where zlib has no memory.
  package static func compress(_ bytes: [UInt8]) -> [UInt8]? {
    guard let length = UInt32(exactly: bytes.count) else { return nil }
    // zlib remembers where its stream lies, so it needs a place of its own.
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    unsafe stream.initialize(to: z_stream())
    defer { unsafe stream.deallocate() }
    guard
      unsafe deflateInit2_(
        stream, level, Z_DEFLATED, windowBits, memoryLevel, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
        Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { return nil }
    defer { unsafe deflateEnd(stream) }
    let bound = unsafe Int(deflateBound(stream, uLong(length)))
    let result = unsafe bytes.withUnsafeBufferPointer { (input) -> [UInt8] in
      // zlib does not write to its input; its header only does not say so.
      unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
      unsafe stream.pointee.avail_in = length
      return unsafe [UInt8](unsafeUninitializedCapacity: bound) { (output, count) in
        unsafe stream.pointee.next_out = output.baseAddress
        unsafe stream.pointee.avail_out = UInt32(output.count)
        if unsafe deflate(stream, Z_FINISH) == Z_STREAM_END {
          count = unsafe Int(stream.pointee.total_out)
        }
      }
    }
    return result.isEmpty ? nil : result
  }
}
