package import LinuxIO

/// Why the kernel's iterator over descriptors did not yield an answer.
package enum SocketIteratorError: Error, Equatable, CustomStringConvertible {
  /// The exporter was built without it.
  case notBuilt
  /// The kernel does not tell its types, so that the program cannot be fitted to it.
  case noTypes(file: String)
  /// The kernel refused the program, or a pass failed; with what the loader says, if it says anything.
  case system(SystemError, detail: String)
  /// A row says what it cannot, or is cut short: at this offset of what was read.
  case malformed(offset: Int)

  /// The exporter or the host has run out of descriptors or memory: what the next pass meets may differ.
  package var isExhaustion: Bool {
    if case .system(let error, _) = self { error.isExhaustion } else { false }
  }

  package var description: String {
    switch self {
    case .notBuilt: "built without BPF"
    case .noTypes(let file): "the kernel has no BTF: \(file) is missing"
    case .system(let error, let detail): detail.isEmpty ? "\(error)" : "\(error): \(detail)"
    case .malformed(let offset): "BPF iterator: malformed row at offset \(offset)"
    }
  }
}
