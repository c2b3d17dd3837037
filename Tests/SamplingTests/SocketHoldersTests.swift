import SocketModel
import TestSupport
import Testing

@testable import Sampling

struct SocketHoldersTests {
  /// What `SocketHolders` is to know, kept in a dictionary.
  private struct Expectation {
    var holders: [UInt32: [[Int]]] = [:]
    var marks: [UInt32: SocketMark] = [:]
  }

  /// Walks over members that hold sockets by these inodes; descriptors count from 3.
  private func walk(_ members: [[UInt32]]) -> (SocketHolders, Expectation) {
    var holders = SocketHolders()
    var expected = Expectation()
    for (member, inodes) in members.enumerated() {
      holders.beginMember()
      for (offset, inode) in inodes.enumerated() {
        holders.append(inode: inode, descriptor: UInt32(offset + 3))
        expected.holders[inode, default: []].append([member, offset + 3])
      }
    }
    return (holders, expected)
  }

  private func holders(of inode: UInt32, in holders: SocketHolders) -> [[Int]] {
    var found: [[Int]] = []
    holders.forEachHolder(of: inode) { found.append([$0.member, Int($0.descriptor)]) }
    return found
  }

  private func check(
    _ holders: SocketHolders, _ expected: Expectation,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    var met: [UInt32: [[Int]]] = [:]
    var marks: [UInt32: SocketMark] = [:]
    var order: [UInt32] = []
    holders.forEachSocket { inode, mark, found in
      met[inode] = found.map { [$0.member, Int($0.descriptor)] }
      if mark != .none { marks[inode] = mark }
      order.append(inode)
    }
    #expect(met == expected.holders, sourceLocation: sourceLocation)
    #expect(marks == expected.marks, sourceLocation: sourceLocation)
    #expect(order == expected.holders.keys.sorted(), sourceLocation: sourceLocation)
    var wrong = 0
    for (inode, found) in expected.holders where self.holders(of: inode, in: holders) != found {
      wrong += 1
    }
    #expect(wrong == 0, sourceLocation: sourceLocation)
  }

  @Test func nothingIsFoundInNothing() {
    var holders = SocketHolders()
    holders.mark(1, .init(.tcp))
    holders.sort()
    holders.mark(1, .init(.tcp))
    #expect(holders.count == 0)
    check(holders, Expectation())
    #expect(self.holders(of: 0, in: holders).isEmpty)
    #expect(self.holders(of: .max, in: holders).isEmpty)
  }

  @Test func aSingleSocket() {
    var (holders, expected) = walk([[7]])
    holders.sort()
    for other: UInt32 in [0, 6, 8, .max] {
      holders.mark(other, .init(.udp))
      #expect(self.holders(of: other, in: holders).isEmpty)
    }
    holders.mark(7, .init(.tcp, state: .closeWait))
    expected.marks[7] = .init(.tcp, state: .closeWait)
    check(holders, expected)
  }

  @Test func theFirstAndTheLastInodeThereCanBe() {
    var (holders, expected) = walk([[.max, 0], [0, .max]])
    holders.sort()
    holders.mark(0, .init(.unix))
    holders.mark(.max, .init(.raw))
    expected.marks = [0: .init(.unix), .max: .init(.raw)]
    check(holders, expected)
  }

  @Test func aMarkSaysKindAndState() {
    for kind in SocketKind.allCases {
      #expect(SocketMark(kind).kind == kind)
      #expect(SocketMark(kind).state == nil)
      for state in TCPState.allCases {
        let mark = SocketMark(kind, state: state)
        #expect(mark.kind == kind && mark.state == state)
      }
    }
    #expect(SocketMark.none.kind == nil)
    #expect(SocketMark.none.state == nil)
  }

  @Test func theLastWordOnASocketCounts() {
    var (holders, expected) = walk([[5, 6], [5]])
    holders.sort()
    holders.mark(5, .init(.tcp, state: .established))
    holders.mark(6, .init(.udp))
    holders.mark(5, .init(.tcp, state: .closeWait))
    expected.marks = [5: .init(.tcp, state: .closeWait), 6: .init(.udp)]
    check(holders, expected)
  }

  @Test func membersWithoutSocketsKeepTheirPlace() {
    var (holders, expected) = walk([[], [], [9, 8], [], [8], [], []])
    holders.sort()
    check(holders, expected)
    expected.holders = [:]
    (holders, _) = walk([[], [], []])
    holders.sort()
    check(holders, expected)
  }

  @Test func aMemberThatIsDroppedLeavesNoTrace() {
    var holders = SocketHolders()
    holders.dropMember()
    holders.beginMember()
    holders.append(inode: 1, descriptor: 3)
    holders.beginMember()
    holders.append(inode: 2, descriptor: 3)
    holders.append(inode: 1, descriptor: 4)
    holders.dropMember()
    holders.beginMember()
    holders.dropMember()
    holders.beginMember()
    holders.append(inode: 1, descriptor: 5)
    holders.sort()
    check(holders, Expectation(holders: [1: [[0, 3], [1, 5]]]))
    #expect(holders.count == 2)
  }

  /// Searches go by blocks of 64 descriptors, so a socket that begins at, before and behind the
  /// beginning of a block, and one that fills blocks, must be found.
  @Test(arguments: [1, 2, 62, 63, 64, 65, 127, 128, 129, 200])
  func socketsWithManyDescriptors(_ copies: Int) {
    for before in [0, 1, 62, 63, 64, 65, 128] {
      let lower = (0..<before).map { UInt32(10 + $0) }
      let same = [UInt32](repeating: 1000, count: copies)
      var (holders, expected) = walk([lower, same, same.reversed(), [2000]])
      holders.sort()
      holders.mark(1000, .init(.tcp, state: .listen))
      holders.mark(2000, .init(.packet))
      holders.mark(1500, .init(.netlink))
      expected.marks = [1000: .init(.tcp, state: .listen), 2000: .init(.packet)]
      check(holders, expected)
    }
  }

  @Test(arguments: 0..<40 as Range<UInt64>)
  func agreesWithADictionary(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    // From inodes that collide all the time to ones that never do.
    let span = UInt32(1) << UInt32.random(in: 1...32, using: &random).advanced(by: -1)
    var holders = SocketHolders(expecting: Int.random(in: 0...100, using: &random))
    var expected = Expectation()
    var member = 0
    for _ in 0..<Int.random(in: 0...200, using: &random) {
      holders.beginMember()
      let inodes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
        UInt32.random(in: 0...span, using: &random)
      }
      for inode in inodes { holders.append(inode: inode, descriptor: inode % 1000) }
      if Int.random(in: 0..<5, using: &random) == 0 {
        holders.dropMember()
        continue
      }
      for inode in inodes {
        expected.holders[inode, default: []].append([member, Int(inode % 1000)])
      }
      member += 1
    }
    holders.sort()
    for _ in 0..<2000 {
      // Half of what tables say is of sockets that somebody holds.
      let inode =
        Bool.random(using: &random)
        ? UInt32.random(in: 0...span, using: &random) : expected.holders.keys.first ?? 0
      let mark = SocketMark(
        SocketKind.allCases.randomElement(using: &random) ?? .tcp,
        state: TCPState.allCases.randomElement(using: &random))
      holders.mark(inode, mark)
      if expected.holders[inode] != nil { expected.marks[inode] = mark }
    }
    for inode in expected.holders.keys.shuffled(using: &random).prefix(500) {
      holders.mark(inode, .init(.udp))
      expected.marks[inode] = .init(.udp)
    }
    check(holders, expected)
  }

  @Test func thousandsOfSockets() {
    var random = SeededGenerator(seed: 1)
    let inodes = (0..<100_000).map { _ in UInt32.random(in: 0...UInt32.max, using: &random) }
    var (holders, expected) = walk([Array(inodes[..<1]), Array(inodes[1...])])
    holders.sort()
    for inode in inodes where inode % 3 == 0 {
      holders.mark(inode, .init(.tcp))
      expected.marks[inode] = .init(.tcp)
    }
    check(holders, expected)
  }
}
