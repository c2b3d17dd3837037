import HTTPServer
import Testing

@Suite struct ListenAddressTests {
  @Test(arguments: [
    (":9477", "", 9477), ("127.0.0.1:9477", "127.0.0.1", 9477), ("[::1]:9477", "::1", 9477),
    ("[::]:0", "::", 0), ("localhost:65535", "localhost", 65535),
    ("a-b.example:1", "a-b.example", 1),
    ("[fe80::1%eth0]:9477", "fe80::1%eth0", 9477),
  ])
  func readsAndWrites(text: String, host: String, port: UInt16) throws {
    let address = try ListenAddress(parsing: text)
    #expect(address.host == host)
    #expect(address.port == port)
    #expect(address.description == text)
  }

  @Test(arguments: [
    ("", ListenAddressError.Problem.noPort), ("9477", .noPort), ("localhost", .noPort),
    ("[::1]", .noPort), ("localhost:", .badPort), (":65536", .badPort), (":-1", .badPort),
    (":+1", .badPort), (":http", .badPort), (":99999999999999999999", .badPort),
    (": 9477", .badPort), ("::1:9477", .bracketsMissing), ("[::1:9477", .badHost),
    ("[127.0.0.1]:9477", .badIPv6), ("[]:9477", .badIPv6), ("256.0.0.1:9477", .badIPv4),
    ("127.1:9477", .badIPv4), ("http://localhost:9477", .bracketsMissing),
    ("local host:9477", .badHost), ("ö:1", .badHost),
  ])
  func namesTheProblem(text: String, problem: ListenAddressError.Problem) {
    #expect(throws: ListenAddressError(value: text, problem: problem)) {
      try ListenAddress(parsing: text)
    }
  }

  @Test func theErrorNamesTheValueAndWhatIsValid() {
    let error = ListenAddressError(value: "9477", problem: .noPort)
    #expect(
      error.description
        == "\"9477\": the port is missing; "
        + "valid are :9477, 127.0.0.1:9477, [::1]:9477 and localhost:9477")
  }
}
