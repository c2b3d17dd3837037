/// A TCP socket in CLOSE_WAIT.
struct CloseWaitSocket: Equatable {
  /// Stays the same as long as the socket lives: its cookie, or where none is known, its inode marked
  /// as such.
  let key: UInt64
  /// 0 where no process holds it yet.
  let inode: UInt32

  /// - Parameter cookie: 0 where the source has none.
  init(cookie: UInt64, inode: UInt32) {
    key = cookie != 0 ? cookie : Self.key(ofInode: inode)
    self.inode = inode
  }

  /// With the highest bit set, which no cookie has.
  static func key(ofInode inode: UInt32) -> UInt64 { UInt64(inode) | 1 << 63 }
}
