import CSocketIterators
import Glibc
import LinuxIO
import SocketModel
import TestSupport
import Testing

@testable import SocketIterators

/// Whether this kernel lets this process load the program.
private let canLoad: Bool = {
  do throws(SocketIteratorError) {
    _ = try SocketIterator(onlyIn: nil)
    return true
  } catch {
    return false
  }
}()

/// The kernel's own iterator, over the test process.
struct SocketIteratorTests {
  private struct Socket: ~Copyable {
    let descriptor: Int32
    let inode: UInt32

    init(_ family: Int32, _ type: __socket_type) throws {
      descriptor = socket(family, Int32(type.rawValue | SOCK_CLOEXEC.rawValue), 0)
      var status = stat()
      guard fstat(descriptor, &status) == 0 else { throw TestFailure("no socket") }
      inode = UInt32(status.st_ino)
    }

    deinit { close(descriptor) }
  }

  @Test(.enabled(if: canLoad, "needs root and a kernel with BPF iterators"))
  func aProcessAndWhatItHoldsIsFound() throws {
    let listener = try Socket(AF_INET, SOCK_STREAM)
    #expect(listen(listener.descriptor, 1) == 0)
    let twice = try Socket(AF_UNIX, SOCK_DGRAM)
    let copy = dup(twice.descriptor)
    defer { close(copy) }
    let alone = try Socket(AF_PACKET, SOCK_DGRAM)
    let inodeOfSole = alone.inode
    var iterator = try SocketIterator(onlyIn: nil)
    for _ in 0..<2 {
      // Whoever looks at it, and a child that another test starts, holds it as well for a moment; and a
      // thread that ends has its table for a moment longer than it is counted.
      let pass = try eventually("a socket that one descriptor leads to has no row") {
        () throws -> DescriptorPass? in
        let pass = try iterator.pass()
        return pass.sockets.contains { $0.inode == inodeOfSole } ? nil : pass
      }
      let tables = pass.tables(of: getpid())
      let table = try #require(tables.first)
      #expect(tables.count == 1)
      let sockets = pass.sockets[table.sockets]
      #expect(
        sockets.filter { $0.inode == listener.inode }
          == [.init(inode: listener.inode, kind: .tcp, state: .listen)])
      #expect(sockets.count { $0 == .init(inode: twice.inode, kind: .unix, state: nil) } == 2)
      #expect(!sockets.contains { $0.inode == alone.inode })
      #expect(table.soleSockets[.packet] >= 1)
      #expect(table.descriptors >= UInt64(table.sockets.count) + table.soleSockets.sum)
      #expect(table.namespace != nil)
      // The test process holds a pipe to whoever runs it, so it is not the only one that is found.
      #expect(Set(pass.tables.map(\.process)).count > 1)
    }
  }

  @Test(.enabled(if: canLoad, "needs root and a kernel with BPF iterators"))
  func socketsOfOtherNetworkNamespacesAreOfAnotherKind() throws {
    let socket = try Socket(AF_INET, SOCK_STREAM)
    #expect(listen(socket.descriptor, 1) == 0)
    let inode = socket.inode
    var everywhere = try SocketIterator(onlyIn: nil)
    let pass = try everywhere.pass()
    #expect(pass.sockets.first { $0.inode == inode }?.kind == .tcp)
    // No namespace has this number.
    var elsewhere = try SocketIterator(onlyIn: 7)
    // Of no kind of interest it has no row, unless somebody else holds it, too, for a moment.
    try eventually("it has no row") { () throws -> Bool? in
      let pass = try elsewhere.pass()
      let found = pass.sockets.first { $0.inode == inode }
      #expect(found == nil || found?.kind == .other)
      return found == nil ? true : nil
    }
    // Not because it was closed.
    #expect(fcntl(socket.descriptor, F_GETFD) == FD_CLOEXEC)
  }

  @Test(.enabled(if: canLoad, "needs root and a kernel with BPF iterators"))
  func aSocketInCloseWaitIsToldWithItsCookieAndNamespace() throws {
    let listener = try Socket(AF_INET, SOCK_STREAM)
    #expect(listen(listener.descriptor, 1) == 0)
    var address = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let accepted = try withUnsafeMutableBytes(of: &address) { bytes in
      let address = try #require(bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self))
      #expect(getsockname(listener.descriptor, address, &length) == 0)
      let client = try Socket(AF_INET, SOCK_STREAM)
      #expect(connect(client.descriptor, address, length) == 0)
      // The client is closed when it goes, so what was accepted is in CLOSE_WAIT.
      return accept(listener.descriptor, nil, nil)
    }
    defer { close(accepted) }
    var status = stat()
    #expect(fstat(accepted, &status) == 0)
    var cookie: UInt64 = 0
    length = socklen_t(MemoryLayout<UInt64>.size)
    #expect(getsockopt(accepted, SOL_SOCKET, SO_COOKIE, &cookie, &length) == 0)
    #expect(cookie != 0)

    var iterator = try SocketIterator(onlyIn: nil)
    let inode = UInt32(status.st_ino)
    // A child that another test starts holds both ends for a moment: the one is closed later by that, the
    // other is told twice.
    let pass = try eventually("one process holds a socket in CLOSE_WAIT") {
      () throws -> DescriptorPass? in
      let pass = try iterator.pass()
      return pass.closeWait.count { $0.inode == inode } == 1 ? pass : nil
    }
    let namespace = try #require(pass.tables(of: getpid()).first?.namespace)
    #expect(
      pass.closeWait.filter { $0.inode == inode }
        == [.init(inode: inode, cookie: cookie, namespace: namespace)])
    #expect(
      pass.sockets.filter { $0.inode == inode }
        == [.init(inode: inode, kind: .tcp, state: .closeWait)])
  }

  /// The last read(2) of a pass only finds out that it has ended. The kernel goes on with it where there is
  /// a process more by then, and tells of no second end.
  @Test(.enabled(if: canLoad, "needs root and a kernel with BPF iterators"))
  func whoBeginsAfterTheEndOfAPassIsNotInIt() throws {
    var message = [CChar](repeating: 0, count: 256)
    let link = FileDescriptor(adopting: SocketIterators_load(0, &message, message.count))
    let iterator = FileDescriptor(adopting: SocketIterators_begin(link.rawValue))
    var pass = DescriptorPass()
    // Where numbers have not wrapped, it ends with this one.
    var children = [try Tools.start(["sleep", "600"])]
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while children.count < 100 {
      let count = read(iterator.rawValue, &buffer, buffer.count)
      if count == -1 && errno == EAGAIN { continue }
      guard count >= 0 else { throw TestFailure("read: \(String(cString: strerror(errno)))") }
      if count == 0 { break }
      try pass.add(Array(buffer[..<count]).span)
      children.append(try Tools.start(["sleep", "600"]))
    }
    // It has an end, although there was one more before each call.
    #expect(children.count < 100)
    try pass.close()
    for child in children { #expect(pass.tables(of: child.pid).count <= 1) }
    #expect(pass.tables(of: children[0].pid).count == 1)
  }

  @Test func whatIsNoLinkIsAnErrorOfThePass() throws {
    let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
    var iterator = SocketIterator(adopting: FileDescriptor(adopting: descriptor))
    for _ in 0..<2 {
      do throws(SocketIteratorError) {
        _ = try iterator.pass()
        Issue.record("there was a pass")
      } catch {
        guard case .system(let error, let detail) = error else {
          Issue.record("\(error)")
          return
        }
        #expect("\(error)".hasPrefix("bpf: "))
        #expect(detail.isEmpty)
      }
    }
  }

  @Test func errorsSayWhatIsMissing() {
    let refused = SystemError("bpf", code: EPERM)
    let table: [(SocketIteratorError, String, isExhaustion: Bool)] = [
      (.notBuilt, "built without BPF", false),
      (.noTypes(file: "/a/b"), "the kernel has no BTF: /a/b is missing", false),
      (.system(refused, detail: ""), "bpf: Operation not permitted", false),
      (.system(refused, detail: "libbpf: x"), "bpf: Operation not permitted: libbpf: x", false),
      (.system(SystemError("bpf", code: EMFILE), detail: ""), "bpf: Too many open files", true),
      (.system(SystemError("bpf", code: ENOMEM), detail: ""), "bpf: Cannot allocate memory", true),
      (.malformed(offset: 12), "BPF iterator: malformed row at offset 12", false),
    ]
    for (error, text, isExhaustion) in table {
      #expect(error.description == text)
      #expect(error.isExhaustion == isExhaustion)
    }
  }
}
