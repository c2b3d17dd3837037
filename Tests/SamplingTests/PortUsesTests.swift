import SocketModel
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

  @Test func holdsNoMorePairsThanItsCapacity() {
    var uses = PortUses()
    // One pair takes many ports among a crowd that takes one each.
    for crowd in 0..<100_000 {
      uses.add(from: here, to: address(crowd), port: 80)
      if crowd % 10 == 0 { uses.add(from: here, to: here, port: 443) }
    }
    let worst = uses.worst(.max)
    #expect(worst.count == PortUses.capacity)
    #expect(worst.first?.destinationPort == 443)
    #expect(worst.first?.ports == 10_000)
    #expect(worst.dropFirst().allSatisfy { $0.ports == 1 })
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
