import CSocketIterators
import SocketModel

@testable import SocketIterators

/// Rows as the kernel writes them.
enum Row {
  static func socket(_ inode: UInt32, kind: UInt8 = 0, state: UInt8 = 0) -> [UInt8] {
    bytes(
      DescriptorRows_Socket(
        row: UInt32(DESCRIPTOR_ROWS_SOCKET), inode: inode, kind: kind, state: state, reserved: 0))
  }

  static func closeWait(_ inode: UInt32, cookie: UInt64, namespace: UInt32 = 4_026_531_840)
    -> [UInt8]
  {
    bytes(
      DescriptorRows_CloseWait(
        row: UInt32(DESCRIPTOR_ROWS_CLOSE_WAIT), inode: inode, cookie: cookie,
        network_namespace: namespace, reserved: 0))
  }

  /// A table of descriptors; `edit` says what is not usual about it.
  static func table(
    of process: Int32, descriptors: UInt32, edit: (inout DescriptorRows_Table) -> Void = { _ in }
  ) -> [UInt8] {
    var row = DescriptorRows_Table()
    row.row = UInt32(DESCRIPTOR_ROWS_TABLE)
    row.process = process
    row.started = 1_000_000_000
    row.table = UInt64(truncatingIfNeeded: process) << 8
    row.network_namespace = 4_026_531_840
    row.is_main = 1
    row.descriptors = descriptors
    edit(&row)
    return bytes(row)
  }

  private static func bytes<Value: BitwiseCopyable>(_ value: Value) -> [UInt8] {
    withUnsafeBytes(of: value) { Array($0) }
  }
}

extension DescriptorPass {
  /// What these reads add up to.
  init(reads: [UInt8]...) throws(SocketIteratorError) {
    self.init()
    for read in reads { try add(read.span) }
    try close()
  }
}
