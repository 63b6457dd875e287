import OTPAudit
import OTPContract
import OTPEngine
import Testing

/// What `explain` says of a session.
struct TimeLineTests {
    private func line() throws -> TimeLine {
        var history = AuditHistory(journal: true)
        let wrong = history.command("s-1", code: 0xdead)
        let right = history.command("s-1", code: 0xbeef)
        let again = history.command("s-1", code: 0xdead)
        let first = Fingerprint(keyID: 1, high: 0xdead, low: 0)
        history.ledger("s-1", .intent(first, source: 0, time: history.now))
        history.call(wrong, code: 1)
        history.conclude(wrong, .wrongCode) {
            $0.httpStatus = 200
            $0.code = 1
            $0.message = "marked"
        }
        history.conclude(right, .ok) { $0.inDoubt = false }
        history.result(again, .wrongCode) { $0.replayed = true }
        var line = TimeLine(
            of: AuditHistory.session("s-1"),
            commands: AuditHistory.topic,
            ledger: "ledger",
            deadLetters: "dead"
        )
        // In an order that is not that of time.
        for item in history.items.reversed() {
            switch item {
            case .result(let fact): line.add(fact)
            case .ledger(let fact): line.add(fact)
            case .letter(let fact): line.add(fact, at: Coordinates(topic: "dead", partition: 0, offset: 0))
            case .call(let fact): line.add(fact)
            }
        }
        for command in history.commands.reversed() { line.add(command) }
        return line
    }

    @Test func itIsToldInTheOrderOfTime() throws {
        let entries = try line().entries()
        #expect(
            entries.map(\.kind) == [
                "command", "command", "command", "intent", "call", "result", "state", "result", "state", "result",
            ]
        )
        #expect(entries.map(\.time) == entries.map(\.time).sorted())
    }

    @Test func codesAreNumbersThatAreEqualForEqualCodes() throws {
        let entries = try line().entries()
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

    @Test func nothingOfACodeIsShown() throws {
        let line = try line()
        let text = line.entries().map(\.text).joined(separator: "\n") + line.summary
        for secret in ["beef", "\(0xdead)", "\(0xbeef)", "marked"] {
            #expect(!text.contains(secret), "\(secret)")
        }
        #expect(line.summary == "session s-1: 3 commands, 2 codes, verified")
    }
}
