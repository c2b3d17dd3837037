import Foundation
import TestSupport
import Testing

/// Somebody who is notified: a web server on a test's host that Alertmanager posts to.
final class WebhookReceiver {
  /// What Alertmanager posts, as its documentation has it under `webhook_config`.
  struct Notification: Decodable {
    struct Alert: Decodable {
      let status: String
      let labels: [String: String]
      let annotations: [String: String]
      let startsAt: String
      let endsAt: String
    }

    /// The name that Alertmanager's configuration gives to whom it notifies.
    let receiver: String
    let alerts: [Alert]
  }

  static let isInstalled = Tools.areInstalled("python3")
  static let unavailability: Comment = "needs python3"
  static let address = "127.0.0.1:8060"

  /// Prints each notification on a line.
  private static let program = """
    import http.server, json, sys, threading

    lock = threading.Lock()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            notification = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                print(json.dumps(notification), flush=True)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments):
            pass

    host, port = sys.argv[1].split(":")
    server = http.server.ThreadingHTTPServer((host, int(port)), Handler)
    print("ready", flush=True)
    server.serve_forever()
    """

  private let process: ChildProcess
  /// What has come so far, in this order.
  private(set) var notifications: [Notification] = []

  /// Starts the server and waits until it listens.
  init(on host: TestHost) throws {
    process = try host.start(["python3", "-c", Self.program, Self.address])
    guard process.output.line(within: .patience) == "ready" else {
      let error = process.errors.line(within: .seconds(1))
      throw TestFailure("no receiver of notifications: \(error ?? "it says nothing")")
    }
  }

  /// Reads what has come meanwhile.
  func update() throws {
    while let line = process.output.line(within: .milliseconds(10)) {
      notifications.append(
        try JSONDecoder().decode(Notification.self, from: Data(line.utf8)))
    }
  }

  /// The last word on each alert, by its labels.
  var last: [[String: String]: Notification.Alert] {
    let alerts = notifications.flatMap(\.alerts).map { ($0.labels, $0) }
    return Dictionary(alerts) { _, later in later }
  }

  /// The alerts of which the last word is that they fire.
  var firing: Set<[String: String]> { Set(last.filter { $0.value.status == "firing" }.keys) }
}
