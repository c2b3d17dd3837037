/// A TCP socket in CLOSE_WAIT.
struct CloseWaitSocket: Equatable {
  /// Its cookie, or where none is known, its inode with the highest bit set, which no cookie has.
  let key: UInt64
  /// 0 where no process holds it yet.
  let inode: UInt32

  /// - Parameter cookie: 0 where the source has none.
  init(cookie: UInt64, inode: UInt32) {
    key = cookie != 0 ? cookie : UInt64(inode) | 1 << 63
    self.inode = inode
  }
}
