internal import ArgumentParser
internal import Exposition
internal import Metrics
internal import Sampling
internal import SocketModel

/// `socket-exporter metrics`.
struct MetricsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "metrics", abstract: "Take one sample and print it to standard output.",
    discussion: "Ends with status 1 if a collector failed; what the others found is printed.")

  enum Format: String, ExpressibleByArgument, CaseIterable {
    case text, openmetrics

    var expositionFormat: ExpositionFormat {
      switch self {
      case .text: .text
      case .openmetrics: .openMetrics
      }
    }
  }

  @Option(help: "The exposition format to print.")
  var format = Format.text

  @OptionGroup(title: "Sampling options")
  var sampling: SamplingOptions

  @OptionGroup(title: "Logging options")
  var log: LogOptions

  func run() async throws {
    let logger = log.logger
    // The interval only bounds how old numbers may be, and these are new.
    let sampler = try sampling.sampler(interval: .seconds(5), cpuBudget: nil) { $0.log(to: logger) }
    let snapshot = await sampler.sample()
    let page = MetricsPage(
      snapshot, build: .current, http: nil, format: format.expositionFormat)
    guard try StandardOutput.write(page.bytes) else { return }
    if !snapshot.collectors.allSatisfy(\.succeeded) { throw ExitCode.failure }
  }
}
