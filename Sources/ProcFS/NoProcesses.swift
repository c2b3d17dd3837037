/// A directory that was said to be a proc filesystem and is none.
package struct NoProcesses: Error, Equatable, CustomStringConvertible {
  package let path: String

  package var description: String { "\(path): no processes; is it a proc filesystem?" }
}
