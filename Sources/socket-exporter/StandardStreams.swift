internal import Glibc
internal import LinuxIO

/// Unbuffered standard error.
enum StandardError {
  static func write(_ text: String) {
    // There is nobody to tell when even this fails.
    try? writeAll(Array(text.utf8), to: STDERR_FILENO)
  }
}

/// Unbuffered standard output.
enum StandardOutput {
  /// Writes all of it, and tells whether there was a reader to the end: that of
  /// `socket-exporter metrics | head` goes when it has read what it wanted.
  /// - Throws: `SystemError` for every other failure.
  static func write(_ bytes: [UInt8]) throws(SystemError) -> Bool {
    do throws(SystemError) {
      try writeAll(bytes, to: STDOUT_FILENO)
      return true
    } catch {
      guard error.code == EPIPE else { throw error }
      return false
    }
  }
}

private func writeAll(_ bytes: [UInt8], to descriptor: Int32) throws(SystemError) {
  var written = 0
  while written < bytes.count {
    let count = unsafe bytes.withUnsafeBytes { bytes in
      let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[written...])
      return retryingInterrupts { unsafe Glibc.write(descriptor, rest.baseAddress, rest.count) }
    }
    guard count >= 0 else { throw .last("write") }
    written += count
  }
}
