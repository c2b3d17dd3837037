internal import ArgumentParser
internal import CLinuxIO
internal import Glibc
internal import Metrics

/// The program's entry. What ArgumentParser would print as several lines of usage becomes one line
/// that names what was wrong, as people who read it in a journal want it.
@main
enum Main {
  static func main() async {
    linux_io_fill_standard_streams()
    // A reader that goes away is an error of write(2), not a reason to die.
    _ = signal(SIGPIPE, SIG_IGN)
    do {
      var command = try SocketExporter.parseAsRoot()
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch {
      let code = SocketExporter.exitCode(for: error)
      let message = SocketExporter.fullMessage(for: error)
      // Help and version are errors to ArgumentParser, and go to standard output.
      if code == .success {
        // Serving is what one runs without a subcommand, so its options belong to the first help.
        let isFirstHelp = message == SocketExporter.helpMessage()
        let more = isFirstHelp ? "\n\n" + SocketExporter.helpMessage(for: ServeCommand.self) : ""
        do {
          _ = try StandardOutput.write(Array("\(message)\(more)\n".utf8))
        } catch {
          StandardError.write("socket-exporter: \(error)\n")
          exit(ExitCode.failure.rawValue)
        }
      } else if !message.isEmpty {
        let line = SocketExporter.message(for: error).split(separator: "\n").joined(separator: " ")
        StandardError.write("socket-exporter: \(line)\n")
      }
      exit(code.rawValue)
    }
  }
}

/// The command line.
struct SocketExporter: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "socket-exporter",
    abstract: "Exports the sockets of this Linux host, and who holds them, to Prometheus.",
    discussion: """
      Samples on an interval which process holds which sockets in which state and since when, \
      listeners, ephemeral ports, zombie processes and the limits of the kernel, and serves the \
      latest sample on /metrics.

      Without a subcommand it serves.
      """,
    version: BuildInfo.current.line,
    subcommands: [ServeCommand.self, MetricsCommand.self],
    defaultSubcommand: ServeCommand.self)
}
