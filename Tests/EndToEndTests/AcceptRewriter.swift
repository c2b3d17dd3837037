import Foundation
import TestSupport
import Testing

/// An nginx before the exporter which changes what a scraper says it accepts, and notes what it got.
///
/// A Prometheus of one version can so ask as another one does, or for the text format alone, which
/// Prometheus 2.42 has no setting for.
final class AcceptRewriter {
  /// What to ask for instead of what the scraper asked for; the name is the first part of the path.
  struct Rewrite {
    let name: String
    let accept: String
  }

  static let isInstalled = Tools.areInstalled("nginx")
  static let unavailability: Comment = "needs nginx"
  static let port = 8080

  private let process: ChildProcess
  private let log: String

  init(on host: TestHost, upstreamPort: Int, _ rewrites: [Rewrite]) throws {
    let directory = host.directory + "/nginx"
    log = directory + "/answers"
    try FileManager.default.createDirectory(
      atPath: directory, withIntermediateDirectories: true)
    let locations = rewrites.map {
      """
      location /\($0.name)/ {
        proxy_pass http://exporter/;
        proxy_set_header Accept "\($0.accept)";
        proxy_set_header Connection "";
      }
      """
    }
    // One process, which keeps its connections, so that no TIME_WAIT is added with every scrape.
    let configuration = """
      daemon off;
      master_process off;
      pid \(directory)/pid;
      error_log stderr crit;
      events {}
      http {
        log_format answers "$request_uri $status $upstream_http_content_type";
        access_log \(log) answers;
        client_body_temp_path \(directory)/body;
        proxy_temp_path \(directory)/proxy;
        fastcgi_temp_path \(directory)/fastcgi;
        uwsgi_temp_path \(directory)/uwsgi;
        scgi_temp_path \(directory)/scgi;
        proxy_http_version 1.1;
        upstream exporter { server 127.0.0.1:\(upstreamPort); keepalive 8; }
        server {
          listen 127.0.0.1:\(Self.port);
          \(locations.joined(separator: "\n"))
        }
      }
      """
    let file = directory + "/nginx.conf"
    try configuration.write(toFile: file, atomically: true, encoding: .utf8)
    process = try host.start(["nginx", "-e", "stderr", "-p", directory, "-c", file])
  }

  /// The different answers so far, each as path, status and content type.
  func answers() throws -> Set<String> {
    let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
    return Set(text.split(separator: "\n").map(String.init))
  }
}
