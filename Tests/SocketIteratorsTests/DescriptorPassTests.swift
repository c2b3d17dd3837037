import CSocketIterators
import SocketModel
import TestSupport
import Testing

@testable import SocketIterators

/// The stream of rows that the kernel writes.
struct DescriptorPassTests {
  @Test func rowsBecomeTablesWithTheSocketsBeforeThem() throws {
    let pass = try DescriptorPass(
      reads:
        Row.socket(71, kind: 0, state: 10) + Row.socket(72, kind: 2)
        + Row.table(of: 7, descriptors: 9) {
          $0.started = 5_000_000_123
          $0.kinds.1 = 3
          $0.kinds.0 = 2
          $0.states.1 = 1
          $0.states.7 = 1
        }
        + Row.table(of: 8, descriptors: 0) { $0.network_namespace = 0 }
        + Row.socket(91, kind: 7) + Row.table(of: 9, descriptors: 1))
    #expect(
      pass.sockets == [
        .init(inode: 71, kind: .tcp, state: .listen), .init(inode: 72, kind: .unix, state: nil),
        .init(inode: 91, kind: .other, state: nil),
      ])
    #expect(pass.tables.map(\.process) == [7, 8, 9])
    #expect(pass.tables.map(\.sockets) == [0..<2, 2..<2, 2..<3])
    #expect(pass.tables.map(\.descriptors) == [9, 0, 1])
    #expect(pass.tables.map(\.namespace) == [4_026_531_840, nil, 4_026_531_840])
    #expect(pass.tables[0].startNanoseconds == 5_000_000_123)
    #expect(pass.tables[0].soleSockets[.udp] == 3)
    #expect(pass.tables[0].soleSockets[.tcp] == 2)
    #expect(pass.tables[0].soleSockets.sum == 5)
    #expect(pass.tables[0].soleTCPSockets[.established] == 1)
    #expect(pass.tables[0].soleTCPSockets[.close] == 1)
    #expect(pass.tables[0].soleTCPSockets.sum == 2)
  }

  @Test(arguments: SocketKind.allCases)
  func everyKindIsCountedWhereItStands(_ kind: SocketKind) throws {
    let pass = try DescriptorPass(
      reads:
        Row.socket(1, kind: UInt8(kind.rawValue))
        + Row.table(of: 1, descriptors: 2) { row in
          withUnsafeMutableBytes(of: &row.kinds) {
            $0.storeBytes(of: UInt32(1), toByteOffset: 4 * kind.rawValue, as: UInt32.self)
          }
        })
    #expect(pass.sockets.map(\.kind) == [kind])
    #expect(pass.tables[0].soleSockets[kind] == 1)
    #expect(pass.tables[0].soleSockets.sum == 1)
  }

  @Test(arguments: TCPState.allCases)
  func everyStateIsCountedWhereItStands(_ state: TCPState) throws {
    let pass = try DescriptorPass(
      reads:
        Row.socket(1, state: state.rawValue)
        + Row.table(of: 1, descriptors: 2) { row in
          withUnsafeMutableBytes(of: &row.states) {
            $0.storeBytes(of: UInt32(1), toByteOffset: 4 * Int(state.rawValue), as: UInt32.self)
          }
        })
    #expect(pass.sockets.map(\.state) == [state])
    #expect(pass.tables[0].soleTCPSockets[state] == 1)
    #expect(pass.tables[0].soleTCPSockets.sum == 1)
  }

  @Test func aTableMayComeInALaterReadThanItsSockets() throws {
    let pass = try DescriptorPass(
      reads: Row.socket(71), Row.socket(72) + Row.table(of: 7, descriptors: 2), [])
    #expect(pass.tables.map(\.sockets) == [0..<2])
    #expect(pass.sockets.map(\.inode) == [71, 72])
  }

  @Test func ofASocketInCloseWaitMoreIsTold() throws {
    let pass = try DescriptorPass(
      reads:
        Row.socket(71) + Row.closeWait(72, cookie: 1 << 40) + Row.table(of: 7, descriptors: 2)
        + Row.closeWait(81, cookie: 0, namespace: 12) + Row.table(of: 8, descriptors: 1))
    #expect(pass.sockets.map(\.inode) == [71, 72, 81])
    #expect(pass.sockets[1] == .init(inode: 72, kind: .tcp, state: .closeWait))
    #expect(pass.tables.map(\.sockets) == [0..<2, 2..<3])
    #expect(
      pass.closeWait == [
        .init(inode: 72, cookie: 1 << 40, namespace: 4_026_531_840),
        .init(inode: 81, cookie: 0, namespace: 12),
      ])
  }

  @Test func nothingIsNothing() throws {
    let pass = try DescriptorPass(reads: [])
    #expect(pass.tables.isEmpty)
    #expect(pass.tables(of: 1).isEmpty)
  }

  // MARK: Malformed

  @Test func rowsCutShortAreNoRows() {
    let (socket, closeWait) = (Row.socket(71), Row.closeWait(72, cookie: 9))
    let rows = socket + closeWait + Row.table(of: 7, descriptors: 2)
    for length in rows.indices.dropFirst() {
      // Where the last row is whole, the table is missing.
      let begun = [socket.count + closeWait.count, socket.count, 0].first { $0 < length } ?? 0
      let isWhole = [socket.count, socket.count + closeWait.count].contains(length)
      let offset = isWhole ? 0 : begun
      #expect(throws: SocketIteratorError.malformed(offset: offset), "\(length) bytes") {
        _ = try DescriptorPass(reads: Array(rows[..<length]))
      }
    }
  }

  /// What comes after a socket, which is the one row before it.
  @Test(arguments: [
    ("an unknown row", [4, 0, 0, 0] + [UInt8](repeating: 0, count: 400)),
    ("zeros", [UInt8](repeating: 0, count: 400)),
    ("an unknown kind", Row.socket(72, kind: UInt8(DESCRIPTOR_ROWS_KINDS))),
    ("a process below zero", Row.table(of: -1, descriptors: 4)),
    ("more sockets than descriptors", Row.table(of: 7, descriptors: 0)),
  ])
  func rowsThatSayWhatTheyCannot(_ row: (name: String, bytes: [UInt8])) {
    let socket = Row.socket(71)
    #expect(throws: SocketIteratorError.malformed(offset: socket.count), "\(row.name)") {
      _ = try DescriptorPass(reads: socket + row.bytes)
    }
  }

  @Test func socketsWithoutATableMeanThatThePassEndedEarly() {
    #expect(throws: SocketIteratorError.malformed(offset: 0)) {
      _ = try DescriptorPass(reads: Row.table(of: 7, descriptors: 1) + Row.socket(71))
    }
  }

  /// Only a reader that trusts its input could be brought down by it.
  @Test func anyBytesAreRowsOrAnError() {
    var generator = SeededGenerator(seed: 1)
    let rows =
      Row.socket(71, state: 1) + Row.closeWait(72, cookie: 9) + Row.table(of: 7, descriptors: 2)
    for _ in 0..<2000 {
      var bytes = rows + rows
      for _ in 0..<3 {
        bytes[Int.random(in: bytes.indices, using: &generator)] = generator.next()
      }
      do throws(SocketIteratorError) {
        let pass = try DescriptorPass(reads: bytes)
        #expect(pass.tables.allSatisfy { pass.sockets.indices.contains($0.sockets) })
      } catch {
        guard case .malformed = error else {
          Issue.record("\(error)")
          return
        }
      }
    }
  }

  // MARK: Threads

  @Test func aTableOfThreadsThatIsMetThroughEachOfThemCountsOnce() throws {
    func thread(_ table: UInt64) -> [UInt8] {
      let row = Row.table(of: 7, descriptors: 3) { row in
        row.is_main = 0
        row.table = table
      }
      return Row.socket(UInt32(table), kind: 1) + Row.closeWait(UInt32(table) + 100, cookie: table)
        + row
    }
    let pass = try DescriptorPass(
      reads: Row.socket(70) + Row.table(of: 7, descriptors: 1), thread(501), thread(501),
      thread(502), thread(501), Row.socket(80) + Row.table(of: 8, descriptors: 1))
    #expect(pass.closeWait.map(\.inode) == [601, 602])
    #expect(pass.tables(of: 7).map(\.descriptors) == [1, 3, 3])
    #expect(
      pass.tables.flatMap { pass.sockets[$0.sockets].map(\.inode) } == [70, 501, 601, 502, 602, 80])
    #expect(pass.sockets.count == 6)
  }

  @Test func processesThatShareATableHaveItEach() throws {
    let shared = { (process: Int32) in
      Row.socket(70) + Row.table(of: process, descriptors: 1) { $0.table = 500 }
    }
    let pass = try DescriptorPass(reads: shared(7) + shared(8))
    #expect(pass.tables.map(\.process) == [7, 8])
    #expect(pass.sockets.map(\.inode) == [70, 70])
  }

  // MARK: Finding

  @Test(arguments: 0...9)
  func theTablesOfAProcessAreFoundInWhateverOrderTheyCame(_ count: Int) throws {
    // The numbers are even, and of every third process there are two tables.
    var processes: [Int32] = []
    for number in 0..<count {
      let process = Int32(2 * number + 2)
      processes += number % 3 == 0 ? [process, process] : [process]
    }
    var pass = DescriptorPass()
    for (place, process) in processes.shuffled().enumerated() {
      try pass.add(
        Row.table(of: process, descriptors: 1) { row in
          row.started = UInt64(1000 - place)
        }.span)
    }
    try pass.close()
    for process in -1...Int32(2 * count + 3) {
      let tables = pass.tables(of: process)
      #expect(tables.count == processes.count { $0 == process }, "\(process)")
      #expect(tables.allSatisfy { $0.process == process })
      let starts = tables.map(\.startNanoseconds)
      #expect(starts == starts.sorted())
    }
  }
}

extension Range<Int> {
  fileprivate func contains(_ other: Range<Int>) -> Bool {
    lowerBound <= other.lowerBound && other.upperBound <= upperBound
  }
}
