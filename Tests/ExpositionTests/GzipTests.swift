import Exposition
import Foundation
import TestSupport
import Testing

struct GzipTests {
  @Test(arguments: [0, 1, 1000, 200_000])
  func unpacksToTheSameBytes(count: Int) throws {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) }
    let packed = try #require(Gzip.compress(bytes))
    #expect(packed == Gzip.compress(bytes))
    // gzip(1) is another implementation, and checks the sum.
    let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).gz")
    defer { try? FileManager.default.removeItem(at: file) }
    try Data(packed).write(to: file)
    #expect(try Tools.run(["gzip", "-dc", file.path]).output == bytes)
  }
}
