import AuditKit
import OTPAudit
import OTPContract
import OTPEngine
import Testing

/// What `explain` says of a session.
struct TimeLineTests {
    private let line = TimeLine.example()

    @Test func itIsToldInTheOrderOfTime() {
        let entries = line.entries()
        #expect(
            entries.map(\.kind) == [
                "command", "command", "command", "intent", "call", "result", "state", "result", "state", "result",
            ]
        )
        #expect(entries.map(\.time) == entries.map(\.time).sorted())
    }

    @Test func codesAreNumbersThatAreEqualForEqualCodes() {
        let entries = line.entries()
        #expect(entries[0].text == "phone 532*****42, code 1")
        #expect(entries[1].text == "phone 532*****42, code 2")
        #expect(entries[2].text == "phone 532*****42, code 1")
        #expect(entries[3].text == "about to ask about code 1")
        #expect(entries[4].text == "asked about code 1: HTTP 200, return code 1")
        #expect(entries[5].text.hasPrefix("rejected/wrong_code, 1 call, HTTP 200, return code 1, "))
        #expect(
            entries[8].text
                == "closed: verified; code 1 rejected/wrong_code by the command at 0; code 2 verified/ok by the command at 1"
        )
    }

    @Test func nothingOfACodeIsShown() {
        let text = line.entries().map(\.text).joined(separator: "\n") + line.summary
        for secret in ["beef", "\(0xdead)", "\(0xbeef)", "marked"] {
            #expect(!text.contains(secret), "\(secret)")
        }
        #expect(line.summary == "session s-1: 3 commands, 2 codes, verified")
    }
}
