import Foundation
import Glibc
import LinuxIO
import ProcFS
import SocketModel
import Testing

struct DescriptorTests {
  private static let expected: [Host: [Int32: (all: UInt64, sockets: UInt64)]] = [
    .linux5: [
      1: (12, 5), 310: (8, 3), 480: (4, 1), 530: (8, 3), 812: (9, 3), 815: (6, 2), 816: (0, 0),
      900: (8, 2), 901: (8, 2), 902: (8, 2), 903: (8, 2), 1201: (26, 16), 1450: (5, 1),
      1460: (3, 0), 2001: (4, 1),
    ],
    .linux61: [
      1: (10, 4), 702: (5, 2), 840: (9, 4), 841: (22, 15), 842: (22, 15), 955: (12, 5),
      960: (10, 6), 4101: (8, 3), 4123: (6, 1), 5001: (3, 0), 5010: (3, 0), 6001: (4, 0),
      8001: (3, 0), 8002: (3, 0), 8003: (3, 0), 8004: (3, 0), 8005: (3, 0), 8006: (3, 0),
      8007: (3, 0), 8008: (3, 0), 8009: (4, 1), 8010: (3, 0), 8020: (4, 1), 8021: (3, 0),
      8022: (4, 1), 9001: (4, 1), 4_194_303: (4, 1),
    ],
    .linux618: [
      1: (3, 0), 401: (40, 37), 402: (40, 37), 403: (3, 0), 404: (16, 7), 405: (3, 0),
      406: (3, 0), 407: (3, 0), 408: (3, 0), 409: (3, 0), 410: (4, 1), 411: (3, 0), 412: (3, 0),
      413: (3, 0), 418: (3, 0), 419: (4, 1), 421: (4, 1), 423: (4, 1), 424: (0, 0),
    ],
  ]

  private struct Counts: Equatable {
    var all: UInt64 = 0
    var sockets: UInt64 = 0
  }

  private func count(_ path: String) throws -> Counts {
    var reader = DescriptorReader()
    return try count(&reader, FileDescriptor.open(path, directory: true))
  }

  private func count(
    _ reader: inout DescriptorReader, _ directory: consuming FileDescriptor
  ) throws -> Counts {
    var counts = Counts()
    try reader.forEach(in: directory) { descriptor in
      counts.all += 1
      if descriptor.socketInode != nil { counts.sockets += 1 }
    }
    return counts
  }

  @Test(arguments: Host.allCases)
  func everyProcessHoldsWhatWasCounted(host: Host) throws {
    let procfs = try ProcFileSystem(path: host.path)
    var entries = DirectoryReader()
    // One reader for all: nothing may be left of the process before.
    var reader = DescriptorReader()
    let expected = try #require(Self.expected[host])
    for pid in try procfs.processIDs(using: &entries) {
      let process = try procfs.openProcess(pid)
      let counts = try count(&reader, process.open(below: "fd", directory: true))
      // Kernel threads, zombies and a process whose main thread has ended show none.
      let (all, sockets) = expected[pid] ?? (0, 0)
      #expect(counts.all == all && counts.sockets == sockets, "\(pid)")
    }
  }

  @Test(arguments: [
    (Host.linux61, 7001, [7004, 7005], UInt64(9), UInt64(5)),
    (.linux618, 422, [425, 429], 7, 4),
  ])
  func theOtherThreadsOfAnEndedMainThread(
    host: Host, pid: Int, threads: [Int], all: UInt64, sockets: UInt64
  ) throws {
    var entries = DirectoryReader()
    let tasks = try FileDescriptor.open("\(host.path)/\(pid)/task", directory: true)
    #expect(
      try entries.numbers(in: tasks, name: "task").sorted().map(Int.init) == [pid] + threads)
    for thread in threads {
      let counts = try count("\(host.path)/\(pid)/task/\(thread)/fd")
      #expect(counts.all == all && counts.sockets == sockets)
    }
    #expect(try count("\(host.path)/\(pid)/task/\(pid)/fd") == Counts())
  }

  @Test func onlyLinksToSocketsAreSockets() throws {
    let directory = NSTemporaryDirectory() + "descriptors-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let long = String(repeating: "x", count: 3000)
    let links = [
      // Two sockets, the second with the greatest inode number there can be.
      "socket:[1]", "socket:[18446744073709551615]",
      // And none.
      "/socket:[1]", "/dev/socket:[1]", "socket:", "socket", "sock", "s", "socket:(1)",
      "Socket:[1]",
      "pipe:[1]", "anon_inode:[eventpoll]", "net:[4026531840]", "/\(long)", long,
      "/tmp/x (deleted)",
      "/memfd:socket:[1] (deleted)", "\u{fffd}",
    ]
    for (number, target) in links.enumerated() {
      #expect(symlink(target, "\(directory)/\(number)") == 0)
    }
    _ = symlink("socket:[7]", "\(directory)/self")
    let counts = try count(directory)
    #expect(counts.all == UInt64(links.count))
    #expect(counts.sockets == 2)
  }

  @Test func whatIsNoLinkIsAnError() throws {
    let error = #expect(throws: SystemError.self) {
      _ = try count(Host.linux61.path)
    }
    #expect(error == SystemError("readlink", "fd", code: EINVAL))
  }

  @Test func thisProcessAsTheKernelTells() throws {
    var ends: [Int32] = [-1, -1]
    let before = try count("/proc/self/fd")
    let sockets = (0..<20).map { _ in socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0) }
    #expect(pipe(&ends) == 0)
    defer {
      for number in sockets + ends { close(number) }
    }
    // Other tests of this process open and close some meanwhile, so these are bounds.
    let after = try count("/proc/self/fd")
    #expect(after.sockets >= 20)
    #expect(after.all >= 22)
    #expect(before.all >= 1)
  }

  @Test(arguments: [
    ("socket:[4711]", UInt32(4711)), ("socket:[0]", 0), ("socket:[4294967295]", .max),
    ("socket:[]", nil), ("socket:[4711", nil), ("socket:4711", nil), ("pipe:[4711]", nil),
    ("/socket:[4711]", nil), ("", nil),
  ])
  func inodesOfLinks(text: String, inode: UInt32?) {
    #expect(SocketLink.parseInode(Array(text.utf8).span) == inode)
  }

  @Test func whatASocketIsIsStillToldLater() throws {
    // What a test expects of a noncopyable value must be asked before.
    let procfs = try ProcFileSystem()
    let pid = getpid()
    func isOpen(_ number: Int32, of pid: Int32 = getpid(), inode: UInt32) -> Bool {
      procfs.isOpen(UInt32(number), of: pid, socketInode: inode)
    }
    func name(_ number: Int32, of pid: Int32 = getpid()) -> String? {
      procfs.socketProtocolName(UInt32(number), of: pid)
    }
    let number = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    let link = try procfs.withLink("\(pid)/fd/\(number)") { SocketLink.parseInode($0) }
    let inode = try #require(link)
    #expect(name(number) == "UDP")
    #expect(isOpen(number, inode: inode))
    #expect(!isOpen(number, inode: inode &+ 1))
    #expect(!isOpen(number, of: 1 << 30, inode: inode))
    close(number)
    #expect(!isOpen(number, inode: inode))
    #expect(name(number, of: 1 << 30) == nil)
  }

  @Test(arguments: [
    ("/usr/sbin/nginx", "/usr/sbin/nginx"), ("/usr/bin/app (deleted)", "/usr/bin/app"),
    ("/srv/ (deleted) x", "/srv/ (deleted) x"), ("", ""),
  ])
  func pathsOfPrograms(link: String, path: String) {
    #expect(ProgramPath.parse(Array(link.utf8).span) == path)
  }
}
