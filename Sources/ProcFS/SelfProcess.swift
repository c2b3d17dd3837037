internal import Glibc
internal import LinuxIO
package import SocketModel

/// The exporter's own process, for the ecosystem's standard `process_*` metrics. It is always read
/// from the exporter's own /proc, wherever the host's is mounted.
package struct SelfProcess: ~Copyable {
  private var procfs: ProcFileSystem
  private var entries = DirectoryReader(capacity: 4 << 10)
  private let pageBytes = UInt64(sysconf(Int32(_SC_PAGESIZE)))
  private let startTimeSeconds: Double

  /// - Throws: `SystemError` or `ParseError` where /proc/self or /proc/stat cannot be read.
  package init() throws {
    var procfs = try ProcFileSystem()
    let stat = try procfs.read("self/stat") { bytes throws(ParseError) in
      try ProcessStat(parsing: bytes)
    }
    let bootTime = try procfs.read("stat") { bytes throws(ParseError) in
      try BootTime.parse(bytes)
    }
    let ticksPerSecond = Double(sysconf(Int32(_SC_CLK_TCK)))
    startTimeSeconds = Double(bootTime) + Double(stat.startTicks) / ticksPerSecond
    self.procfs = procfs
  }

  /// - Throws: `SystemError` or `ParseError` where one of the files cannot be read.
  package mutating func read() throws -> ExporterProcess {
    let memory = try procfs.read("self/statm") { bytes throws(ParseError) in
      try MemoryPages(parsing: bytes)
    }
    var usage = rusage()
    guard unsafe getrusage(RUSAGE_SELF.rawValue, &usage) == 0 else {
      throw SystemError.last("getrusage")
    }
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
      throw SystemError.last("getrlimit")
    }
    return ExporterProcess(
      cpuSeconds: seconds(usage.ru_utime) + seconds(usage.ru_stime),
      residentMemoryBytes: memory.resident &* pageBytes,
      virtualMemoryBytes: memory.size &* pageBytes,
      openDescriptors: try openDescriptors(),
      maxDescriptors: UInt64(limit.rlim_cur),
      startTimeSeconds: startTimeSeconds)
  }

  private mutating func openDescriptors() throws(SystemError) -> UInt64 {
    let directory = try FileDescriptor.open("/proc/self/fd", directory: true)
    // The listing itself holds one.
    return UInt64(try entries.numbers(in: directory, name: "/proc/self/fd").count) - 1
  }

  private func seconds(_ time: timeval) -> Double {
    Double(time.tv_sec) + Double(time.tv_usec) / 1e6
  }
}
