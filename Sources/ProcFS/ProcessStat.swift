internal import Glibc
package import LinuxIO

/// What the exporter takes from `/proc/<pid>/stat` (proc_pid_stat(5); `fs/proc/array.c`).
package struct ProcessStat: Sendable, Equatable {
  /// The name (comm): at most 15 bytes for a user process, any bytes but NUL. Invalid UTF-8 is
  /// repaired.
  package var name: String
  /// The state letter, e.g. `S` or `Z`.
  package var state: UInt8
  /// 0 where the parent is outside of the process namespace.
  package var parent: Int32
  /// The kernel's PF_* flags.
  package var flags: UInt64
  /// Threads in the process; 1 for a zombie that waits for its parent only.
  package var threads: UInt64
  /// When the process started, in clock ticks (`sysconf(_SC_CLK_TCK)`) since the boot.
  package var startTicks: UInt64

  /// When the process started, since the boot.
  package var startTime: Duration {
    .nanoseconds(Int64(clamping: startTicks)) * Self.nanosecondsPerTick
  }

  private static let nanosecondsPerTick = 1_000_000_000 / max(sysconf(Int32(_SC_CLK_TCK)), 1)

  /// Kernel threads hold no descriptors and belong to no program.
  package var isKernelThread: Bool { flags & 0x0020_0000 != 0 }

  /// The main thread has ended. The process is a zombie only if it has no other thread.
  package var hasEndedMainThread: Bool {
    state == UInt8(ascii: "Z") || state == UInt8(ascii: "X")
  }

  /// Ended, and waiting for its parent to take notice.
  package var isZombie: Bool { hasEndedMainThread && threads <= 1 }

  /// - Throws: `ParseError` where one of the fields above is missing or malformed.
  package init(parsing bytes: Span<UInt8>) throws(ParseError) {
    func failed(_ field: String) -> ParseError { ParseError(file: "stat", line: 1, field: field) }

    // "123 (name) S 1 ...": the name may hold parentheses, spaces and newlines, so it ends at the
    // last parenthesis.
    guard let open = bytes.firstIndex(of: UInt8(ascii: "(")),
      let close = bytes.lastIndex(of: UInt8(ascii: ")")), open < close
    else { throw failed("comm") }
    name = bytes.extracting((open + 1)..<close).text

    var position = close + 1
    bytes.skipSpaces(at: &position)
    guard !bytes.isWordEnd(position), bytes.isWordEnd(position + 1) else { throw failed("state") }
    state = bytes[position]
    position += 1

    bytes.skipSpaces(at: &position)
    guard let parent = bytes.decimal(at: &position), bytes.isWordEnd(position),
      let parent = Int32(exactly: parent)
    else { throw failed("ppid") }
    self.parent = parent

    // pgrp, session, tty_nr and tpgid come first.
    for _ in 0..<4 { guard bytes.skipWord(at: &position) else { throw failed("flags") } }
    bytes.skipSpaces(at: &position)
    guard let flags = bytes.decimal(at: &position), bytes.isWordEnd(position) else {
      throw failed("flags")
    }
    self.flags = flags

    // minflt to nice: ten fields.
    for _ in 0..<10 { guard bytes.skipWord(at: &position) else { throw failed("num_threads") } }
    bytes.skipSpaces(at: &position)
    guard let threads = bytes.decimal(at: &position), bytes.isWordEnd(position) else {
      throw failed("num_threads")
    }
    self.threads = threads

    guard bytes.skipWord(at: &position) else { throw failed("starttime") }
    bytes.skipSpaces(at: &position)
    guard let startTicks = bytes.decimal(at: &position), bytes.isWordEnd(position) else {
      throw failed("starttime")
    }
    self.startTicks = startTicks
  }
}
