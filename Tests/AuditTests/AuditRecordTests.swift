import AuditKit
import OTPAudit
import OTPContract
import OTPEngine
import Testing

/// Each check of a record fails on a history that is wrong in that one way.
struct AuditRecordTests {
    @Test func aSecondResultIsFound() {
        var history = AuditHistory()
        let command = history.command("a", code: 1)
        history.conclude(command, .ok)
        history.result(command, .ok, calls: 1)
        #expect(history.found() == [.double])
    }

    @Test func aResultOfNoCommandIsFound() {
        var history = AuditHistory()
        let command = history.command("a", code: 1)
        let second = history.command("b", code: 1, offset: 3)
        var stray = command
        stray.offset = 2
        history.conclude(command, .ok)
        history.result(stray, .ok, calls: 1)
        history.conclude(second, .ok)
        #expect(history.found() == [.orphan])
        stray.offset = 99
        history.result(stray, .ok, calls: 1)
        #expect(history.report().offences == [.orphan: 2])
    }

    @Test func aCommandThatWasPassedOverIsFound() {
        var history = AuditHistory()
        let lost = history.command("lost", code: 1)
        var last = lost
        for number in 0...16_384 { last = history.command("s\(number)", code: 1) }
        history.rules.maximumAge = .seconds(1_000_000)
        history.conclude(last, .ok)
        let report = history.report()
        #expect(report.offences[.missing] == 2)
        #expect(report.findings.first?.coordinates == Coordinates(topic: AuditHistory.topic, partition: 0, offset: 0))
    }

    @Test func aCommandUnansweredBeyondItsDeadlineIsFound() {
        var history = AuditHistory()
        history.command("a", code: 1)
        history.command("b", code: 1, expiresAt: history.now)
        #expect(history.found(after: .seconds(60)) == [.unanswered])
        let report = history.report(after: .seconds(60))
        #expect(report.counts.unanswered == 1 && report.counts.inTime == 1)
        #expect(history.report(after: .seconds(200)).counts.unanswered == 2)
        // What came too late is due when it came, not before.
        history.command("c", code: 1, expiresAt: WallTime(milliseconds: 0))
        #expect(history.report(after: .seconds(20)).counts.unanswered == 0)
    }

    @Test func anUnusableCommandThatIsNotCalledSoIsFound() {
        var history = AuditHistory()
        let bad = history.unusable(.keyMissing)
        history.result(bad, .upstreamUnavailable)
        #expect(history.found() == [.usability])
    }

    @Test func theWrongReasonOfAnUnusableCommandIsFound() {
        var history = AuditHistory()
        let bad = history.unusable(.keyMissing)
        history.letter(bad, .malformed)
        history.result(bad, .invalid(.malformed))
        #expect(history.found() == [.usability])
    }

    @Test func aUsableCommandCalledInvalidIsFound() {
        var history = AuditHistory()
        let command = history.command("a", code: 1)
        history.letter(command, .malformed)
        history.result(command, .invalid(.malformed))
        #expect(history.found() == [.usability])
    }

    @Test(arguments: [0, 2]) func anotherNumberOfDeadLettersThanOneIsFound(_ count: Int) {
        var history = AuditHistory()
        let bad = history.unusable(.keyMissing)
        history.result(bad, .invalid(.keyMissing))
        for _ in 0..<count { history.letter(bad, .keyMissing) }
        #expect(history.found() == [.deadLetter])
    }

    @Test func aDeadLetterOfAnotherReasonOrCommandIsFound() {
        var history = AuditHistory()
        let bad = history.unusable(.keyMissing)
        history.letter(bad, .malformed)
        history.result(bad, .invalid(.keyMissing))
        let good = history.command("a", code: 1)
        history.conclude(good, .ok)
        history.letter(good, .malformed)
        #expect(history.report().offences == [.deadLetter: 2])
    }

    @Test func whatDoesNotFitTheCommandIsFound() {
        let changes: [(inout ResultEvent) -> Void] = [
            { $0.commandID = "another" }, { $0.sessionID = SessionID("another") }, { $0.maskedPhone = nil },
            { $0.status = .rejected }, { $0.retryable = true },
        ]
        for change in changes {
            var history = AuditHistory()
            let command = history.command("a", code: 1)
            history.result(command, .ok, calls: 1) {
                change(&$0)
            }
            #expect(history.found().contains(.shape))
        }
    }

    @Test func whatCannotBeReadIsFound() {
        var audit = Audit(AuditRules(commandTopic: "t", now: WallTime(milliseconds: 1)), [:])
        audit.unreadable(Coordinates(topic: "r", partition: 0, offset: 1), at: WallTime(milliseconds: 1), "no result")
        audit.end()
        #expect(audit.report.offences == [.unreadable: 1])
    }

    @Test func aVerdictBeyondTheDeadlineIsFound() {
        var history = AuditHistory()
        let command = history.command("a", code: 1)
        history.pass(.seconds(140))
        history.conclude(command, .wrongCode)
        #expect(history.found() == [.late])
    }

    @Test func anEarlyEndIsFound() {
        var history = AuditHistory()
        let command = history.command("a", code: 1)
        history.result(command, .deadlinePassed)
        #expect(history.found() == [.early])
        history = AuditHistory()
        let ended = history.command("a", code: 1, expiresAt: history.now)
        history.result(ended, .deadlinePassed)
        #expect(history.found() == [])
    }
}
