import AuditKit
import OTPAudit
import OTPContract
import OTPEngine
import Testing

/// The audit beside a fleet that goes on: what it tells, when, and what it holds.
struct AuditFollowingTests {
    /// One broken promise, at the end of a history.
    struct Break: Sendable, CustomTestStringConvertible {
        var check: AuditCheck
        var make: @Sendable (inout AuditHistory) -> Void
        var testDescription: String { check.rawValue }

        init(_ check: AuditCheck, _ make: @escaping @Sendable (inout AuditHistory) -> Void) {
            self.check = check
            self.make = make
        }
    }

    static let breaks = [
        Break(.double) { history in
            let command = history.command("a", code: 1)
            history.conclude(command, .ok)
            history.result(command, .ok, calls: 1)
        },
        Break(.orphan) { history in
            var command = history.command("a", code: 1)
            history.conclude(command, .ok)
            command.offset = 7
            history.result(command, .ok, calls: 1)
        },
        Break(.usability) { history in history.result(history.unusable(.keyMissing), .upstreamUnavailable) },
        Break(.deadLetter) { history in history.result(history.unusable(.keyMissing), .invalid(.keyMissing)) },
        Break(.order) { history in
            let (first, second) = (history.command("a", code: 1), history.command("a", code: 2))
            history.conclude(second, .wrongCode)
            history.conclude(first, .wrongCode)
        },
        Break(.replay) { history in
            history.conclude(history.command("a", code: 1), .wrongCode)
            history.conclude(history.command("a", code: 1), .wrongCode)
        },
        Break(.verifiedTwice) { history in
            history.conclude(history.command("a", code: 1), .ok)
            history.conclude(history.command("a", code: 2), .ok)
        },
        Break(.unfounded) { history in history.conclude(history.command("a", code: 1), .ok, calls: 0) },
        Break(.doubt) { history in history.conclude(history.command("a", code: 1), .ok) { $0.inDoubt = true } },
        Break(.ledger) { history in history.result(history.command("a", code: 1), .ok, calls: 1) },
    ]

    @Test(arguments: breaks)
    func aBrokenPromiseIsToldOnceWithinAMinute(_ broken: Break) {
        var history = AuditHistory()
        history.conclude(history.command("before", code: 1), .ok)
        broken.make(&history)
        let told = history.followed(for: .seconds(3_000))
        #expect(told.map(\.finding.check) == [broken.check])
        #expect((told.first?.at.milliseconds ?? .max) - history.now.milliseconds <= 60_000)
        #expect(history.found(after: .seconds(60)) == [broken.check], "as the audit of a history that has ended")
    }

    @Test func aCommandWithoutAResultIsToldOnceWithinAMinuteOfItsDeadline() {
        var history = AuditHistory()
        let due = WallTime(milliseconds: history.now.milliseconds + 20_000)
        history.command("a", code: 1, expiresAt: due)
        let told = history.followed(for: .seconds(3_000))
        #expect(told.map(\.finding.check) == [.unanswered])
        #expect((told.first?.at.milliseconds ?? 0) > due.milliseconds)
        #expect((told.first?.at.milliseconds ?? .max) - due.milliseconds <= 60_000)
    }

    @Test func anAnswerThatComesAfterAllIsNoSecondOne() {
        var history = AuditHistory()
        let command = history.command("a", code: 1, expiresAt: history.now)
        history.pass(.seconds(60))
        history.conclude(command, .deadlinePassed, calls: 0)
        #expect(history.followed().map(\.finding.check) == [.unanswered])
    }

    @Test func whatIsUnderWayIsNotHeldAgainstTheFleet() {
        var history = AuditHistory()
        for number in 0..<60 {
            history.conclude(history.command("s\(number)", code: 1), .wrongCode)
            let second = history.command("s\(number)", code: 2)
            let bad = history.unusable(.malformed)
            history.pass(.seconds(number % 7))
            history.conclude(second, .ok)
            history.result(bad, .invalid(.malformed))
            history.letter(bad, .malformed)
        }
        history.command("last", code: 1)
        #expect(history.followed(for: .seconds(100)).isEmpty)
    }

    /// The letter of a result may be read in the round before it.
    @Test func aLetterWithoutItsResultIsWaitedFor() {
        var history = AuditHistory()
        let bad = history.unusable(.malformed)
        history.letter(bad, .malformed)
        history.pass(.seconds(5))
        history.result(bad, .invalid(.malformed))
        #expect(history.followed().isEmpty)
    }

    @Test func sinceKeepsWhatIsOlderToItself() {
        var history = AuditHistory()
        history.conclude(history.command("a", code: 1), .ok, calls: 0)
        history.pass(.seconds(100))
        history.rules.since = history.now
        history.conclude(history.command("b", code: 1), .ok, calls: 0)
        #expect(history.followed().map(\.finding.session?.text) == ["b"])
    }

    // MARK: What is held

    @Test func aSessionIsForgottenWhenItsMemoryHasEnded() {
        var history = AuditHistory()
        history.conclude(history.command("a", code: 1), .ok)
        var last = -1
        #expect(history.followed(for: .seconds(1_700)) { last = $0.held }.isEmpty)
        #expect(last == 2)
        #expect(history.followed(for: .seconds(2_000)) { last = $0.held }.isEmpty)
        #expect(last == 0)
    }

    @Test func whatIsHeldHasABoundAndWhatLeavesIsCountedAndJudged() {
        var history = AuditHistory()
        history.conclude(history.command("broken", code: 1), .ok, calls: 0)
        for number in 0..<100 { history.conclude(history.command("s\(number)", code: 1), .wrongCode) }
        var (most, forgotten) = (0, 0)
        let told = history.followed(limit: 20) { audit in
            most = max(most, audit.held)
            forgotten = audit.forgotten
        }
        #expect(most == 20 || most == 21, "the last session's command comes on top")
        #expect(forgotten == 91)
        #expect(told.map(\.finding.check) == [.unfounded])
    }

    /// Its first answer was forgotten, and so is unknown: no reason to accuse anybody.
    @Test func aSessionThatComesBackAfterItWasForgottenIsNotAccused() {
        var history = AuditHistory()
        let first = history.command("a", code: 1)
        history.conclude(first, .wrongCode)
        for number in 0..<40 { history.conclude(history.command("s\(number)", code: 1), .wrongCode) }
        let again = history.command("a", code: 1)
        history.result(again, .wrongCode) { $0.replayed = true }
        #expect(history.followed(limit: 20).isEmpty)
        // Where it is known, the same is what is right.
        #expect(history.followed(limit: 1_000).isEmpty)
    }

    @Test func aBacklogIsNotHeld() {
        var history = AuditHistory()
        history.conclude(history.command("first", code: 1), .ok)
        let began = history.now
        for number in 0..<17_000 {
            history.now = began
            history.command("s\(number)", code: 1, expiresAt: began)
        }
        var open = 0
        let told = history.followed(for: .seconds(60), limit: 1_000_000) { open = max(open, $0.openCommands) }
        #expect(open == 16_384)
        #expect(told.count == AuditReport.kept, "of each check the first ones are told")
    }
}
