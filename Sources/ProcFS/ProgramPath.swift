internal import LinuxIO

/// What `/proc/<pid>/exe` leads to (proc_pid_exe(5)): the program that a process runs.
package enum ProgramPath {
  /// The path as the process sees it. What the kernel appends to that of a program that was replaced
  /// since is left out, so that an upgrade does not begin a new group.
  package static func parse(_ link: Span<UInt8>) -> String {
    let deleted = " (deleted)"
    let text = link.text
    return text.hasSuffix(deleted) ? String(text.dropLast(deleted.count)) : text
  }
}
