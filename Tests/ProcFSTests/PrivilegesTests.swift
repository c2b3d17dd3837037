import LinuxIO
import TestSupport
import Testing

@testable import ProcFS

struct PrivilegesTests {
  private func privileges(_ status: String) throws -> Privileges {
    try Privileges(parsingStatus: Array(status.utf8).span, userID: 7)
  }

  @Test(arguments: [
    ("0000000000000000", "none"),
    ("0000000000080004", "cap_dac_read_search,cap_sys_ptrace"),
    ("000000c000000000", "cap_perfmon,cap_bpf"),
    ("0000000000201000", "cap_net_admin,cap_sys_admin"),
    (
      "000001ffffffffff",
      "cap_dac_read_search,cap_net_admin,cap_sys_ptrace,cap_sys_admin,cap_perfmon,cap_bpf"
    ),
  ])
  func namesWhatIsInEffect(_ row: (mask: String, names: String)) throws {
    let found = try privileges("Name:\tx\nCapPrm:\tffffffffffffffff\nCapEff:\t\(row.mask)\n")
    #expect(found.description == row.names)
    #expect(found.userID == 7)
  }

  @Test(arguments: ["", "Name:\tx\n", "CapEff:\t\n", "CapEff:\tnone\n"])
  func withoutThemThereIsNoAnswer(_ status: String) {
    #expect(throws: ParseError.self) { try privileges(status) }
  }

  @Test func readsThoseOfThisProcess() throws {
    _ = try Privileges.ofThisProcess()
  }
}
