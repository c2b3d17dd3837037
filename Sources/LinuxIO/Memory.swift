internal import CLinuxIO

/// How the process treats memory it no longer needs.
package enum Memory {
  /// Makes every large block that is freed go back to the kernel at once. Without this, what a sample
  /// of very many sockets needed for a moment would stay with the process.
  package static func returnsLargeBlocks() {
    linux_io_return_large_blocks()
  }
}
