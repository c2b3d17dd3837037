internal import CSocketIterators
internal import Glibc
package import LinuxIO

/// The kernel's iterator over the descriptors of all tasks, with the program that counts them
/// (`bpf/descriptors.bpf.c`). Nothing is left in the kernel when it goes, or when the process does.
package struct SocketIterator: ~Copyable {
  private let link: FileDescriptor
  /// The kernel fills 32 KiB at most before it hands them out.
  private var buffer = [UInt8](repeating: 0, count: 64 << 10)

  /// Loads the program. Takes Linux 5.11 with BTF, CAP_BPF and CAP_PERFMON.
  /// - Parameter namespace: the inode of the network namespace whose sockets are told apart, those of
  ///   the others being `SocketKind.other`; nil for those of all.
  package init(onlyIn namespace: UInt64?) throws(SocketIteratorError) {
    let types = "/sys/kernel/btf/vmlinux"
    guard unsafe access(types, F_OK) == 0 else { throw .noTypes(file: types) }
    var message = [CChar](repeating: 0, count: 256)
    let number = unsafe SocketIterators_load(
      UInt32(truncatingIfNeeded: namespace ?? 0), &message, message.count)
    if number == SOCKET_ITERATORS_NOT_BUILT { throw .notBuilt }
    guard number >= 0 else {
      // The loader would only say that it failed.
      if number == -EPERM {
        throw .system(SystemError("bpf", code: EPERM), detail: Self.permission)
      }
      let text = String(
        decoding: message.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
      let detail = text.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
      throw .system(SystemError("bpf", code: -number), detail: detail)
    }
    self.init(adopting: FileDescriptor(adopting: number))
  }

  private static let permission =
    "it takes CAP_BPF and CAP_PERFMON, and no lockdown or seccomp filter in the way"

  /// - Parameter link: what each pass begins from.
  package init(adopting link: consuming FileDescriptor) {
    self.link = link
  }

  /// Makes a pass. It takes a reference to each file while it looks at it, so none goes meanwhile;
  /// what is opened or closed during the pass may or may not be in it.
  package mutating func pass() throws(SocketIteratorError) -> DescriptorPass {
    let number = SocketIterators_begin(link.rawValue)
    guard number >= 0 else { throw .system(SystemError("bpf", code: -number), detail: "") }
    let iterator = FileDescriptor(adopting: number)
    var pass = DescriptorPass()
    while true {
      let count = try read(iterator)
      if count == 0 { break }
      try pass.add(buffer.span.extracting(0..<count))
    }
    try pass.close()
    return pass
  }

  private mutating func read(
    _ iterator: borrowing FileDescriptor
  ) throws(SocketIteratorError) -> Int {
    let number = iterator.rawValue
    let count = unsafe buffer.withUnsafeMutableBytes { (room) -> Int in
      while true {
        let count = retryingInterrupts { unsafe Glibc.read(number, room.baseAddress, room.count) }
        // After a million descriptors without a row the kernel takes a breath.
        if count >= 0 || errno != EAGAIN { return count }
      }
    }
    guard count >= 0 else { throw .system(.last("read", "BPF iterator"), detail: "") }
    return count
  }
}
