import Foundation
import TestSupport
import Testing

/// The compiled BPF program that is committed, and its source.
struct BPFProgramTests {
  private static let folder = Repository.path("Sources/CSocketIterators")
  private static let header = folder + "/descriptors_program.h"

  /// Whether the compiler here is the one that the header names. Another one makes other bytes.
  private static let hasSameCompiler: Bool = {
    guard Tools.areInstalled("clang"),
      let version = try? Tools.run(["clang", "--version"]).text.split(separator: "\n").first,
      let text = try? String(contentsOfFile: header, encoding: .utf8)
    else { return false }
    return text.contains("// \(version)\n")
  }()

  @Test(.enabled(if: hasSameCompiler, "needs the clang that the header names"))
  func `the header is what the source compiles to`() throws {
    let made = try Tools.run([Self.folder + "/bpf/build"]).text
    let isSame = try made == String(contentsOfFile: Self.header, encoding: .utf8)
    #expect(isSame, "make bpf")
  }
}
