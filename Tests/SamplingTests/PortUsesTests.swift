import SocketModel
import TestSupport
import Testing

@testable import Sampling

struct PortUsesTests {
  private let here = IPAddress(ipv4: 0x7f00_0001)
  private func address(_ number: Int) -> IPAddress { IPAddress(ipv4: UInt32(number)) }

  @Test func countsEachPairExactly() {
    var uses = PortUses()
    #expect(uses.worst(10).isEmpty)
    // The pairs come mixed, as sockets do.
    for round in 0..<1000 {
      for pair in 0..<100 where round < pair * 10 + 5 {
        uses.add(from: here, to: address(pair), port: 443)
      }
    }
    let worst = uses.worst(3)
    #expect(worst.map(\.destination) == [address(99), address(98), address(97)])
    #expect(worst.map(\.ports) == [995, 985, 975])
    #expect(uses.worst(1000).count == 100)
    let all = (0..<100 as Range<UInt64>).reversed().map { $0 * 10 + 5 }
    #expect(uses.worst(1000).map(\.ports) == all)
  }

  @Test func tellsApartWhateverDiffers() {
    var uses = PortUses()
    let six = IPAddress(family: .ipv6, high: here.high, low: 0)
    let all: [(IPAddress, IPAddress, UInt16)] = [
      (here, here, 1), (here, here, 2), (six, here, 1), (here, six, 1), (address(1), here, 1),
      (here, address(1), 1), (IPAddress(family: .ipv6, high: 0, low: 1), here, 1),
    ]
    for (count, pair) in all.enumerated() {
      for _ in 0...count { uses.add(from: pair.0, to: pair.1, port: pair.2) }
    }
    #expect(uses.worst(10).map(\.ports) == [7, 6, 5, 4, 3, 2, 1])
    #expect(uses.worst(10).map(\.source) == all.reversed().map(\.0))
  }

  @Test func equalsStandInTheOrderOfTheirAddresses() {
    let pairs = [(3, 1, 1), (1, 2, 9), (1, 1, 9), (1, 2, 8), (2, 1, 1)]
    for rotation in 0..<pairs.count {
      var uses = PortUses()
      for pair in pairs[rotation...] + pairs[..<rotation] {
        uses.add(from: address(pair.1), to: address(pair.0), port: UInt16(pair.2))
      }
      #expect(
        uses.worst(5).map { "\($0.destination.text) \($0.source.text) \($0.destinationPort)" } == [
          "0.0.0.1 0.0.0.1 9", "0.0.0.1 0.0.0.2 8", "0.0.0.1 0.0.0.2 9", "0.0.0.2 0.0.0.1 1",
          "0.0.0.3 0.0.0.1 1",
        ])
    }
  }

  @Test func countsAreExactAsLongAsThereIsAPlaceForEachPair() {
    var uses = PortUses()
    for _ in 0..<3 {
      for number in 0..<PortUses.capacity { uses.add(from: here, to: address(number), port: 80) }
    }
    #expect(uses.worst(.max).count == PortUses.capacity)
    #expect(uses.worst(.max).allSatisfy { $0.ports == 3 })
  }

  /// Connections to port 443 of one address among a crowd that takes one each.
  @Test(arguments: [
    // Before it, behind it, and mixed.
    Array(repeating: false, count: 100_000) + Array(repeating: true, count: 10_000),
    Array(repeating: true, count: 10_000) + Array(repeating: false, count: 100_000),
    (0..<110_000).map { $0 % 11 == 0 },
  ])
  func aCrowdHidesNobody(order: [Bool]) {
    var uses = PortUses()
    var crowd = 0
    for isSought in order {
      if !isSought { crowd += 1 }
      uses.add(from: here, to: isSought ? here : address(crowd), port: isSought ? 443 : 80)
    }
    let worst = uses.worst(.max)
    #expect(worst.count <= PortUses.capacity)
    #expect(worst.first?.destinationPort == 443)
    let error = UInt64(order.count / PortUses.capacity)
    #expect((10_000 - error...10_000).contains(worst.first?.ports ?? 0))
    #expect(worst.dropFirst().allSatisfy { $0.ports == 1 })
  }

  /// The tables of IPv4 come before those of IPv6.
  @Test func aCrawlerOnIPv4HidesNothingOnIPv6() {
    var uses = PortUses()
    for round in 0..<2 {
      for number in 0..<PortUses.capacity {
        uses.add(from: here, to: address(number), port: UInt16(round + 80))
      }
    }
    let six = IPAddress(family: .ipv6, high: 1, low: 1)
    for _ in 0..<28_232 { uses.add(from: six, to: six, port: 443) }
    #expect(uses.worst(1).map(\.source) == [six])
    #expect((28_228...28_232).contains(uses.worst(1)[0].ports))
  }

  /// The order that costs most: whenever all places are taken, a pair comes that has none.
  @Test(arguments: 0..<4 as Range<UInt64>)
  func boundsHoldInAnyOrder(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var uses = PortUses()
    var truth: [Int: UInt64] = [:]
    var total = 0
    func add(_ number: Int) {
      uses.add(from: here, to: address(number), port: 1)
      truth[number, default: 0] += 1
      total += 1
    }
    var next = 1000
    for _ in 0..<4 {
      for _ in 0..<(Int(seed) + 1) {
        for number in next..<next + PortUses.capacity { add(number) }
      }
      for _ in 0..<Int.random(in: 1...200, using: &random) {
        next += PortUses.capacity
        add(next)
      }
      for _ in 0..<20_000 {
        // A few pairs often, many seldom.
        add(
          Bool.random(using: &random)
            ? Int.random(in: 0..<20, using: &random) : Int.random(in: 0..<1_000_000, using: &random)
        )
      }
    }
    let error = UInt64(total / PortUses.capacity)
    let found = Dictionary(
      uniqueKeysWithValues: uses.worst(.max).map { (Int($0.destination.high >> 32), $0.ports) })
    #expect(found.count <= PortUses.capacity)
    var wrong = 0
    for (number, count) in truth {
      let told = found[number] ?? 0
      if told > count || told + error < count { wrong += 1 }
    }
    #expect(wrong == 0)
    #expect(found.keys.allSatisfy { truth[$0] != nil })
  }

  @Test func addressesSpreadOverTheSlots() {
    // The addresses of one subnet, as behind a load balancer, and the ports of one address.
    var hashes: Set<Int> = []
    for number in 0..<4096 {
      hashes.insert(
        PortUses.Pair(source: here, destination: address(0x0a00_0000 + number), destinationPort: 80)
          .hash & (PortUses.capacity * 2 - 1))
      hashes.insert(
        PortUses.Pair(source: here, destination: here, destinationPort: UInt16(number))
          .hash & (PortUses.capacity * 2 - 1))
    }
    // 8192 at random would take some 7250 of the 32768 slots.
    #expect(hashes.count > 6500)
  }
}
