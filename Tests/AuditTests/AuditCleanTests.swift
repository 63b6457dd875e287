import AuditKit
import OTPAudit
import OTPContract
import OTPEngine
import Testing

/// Histories in which every promise is kept: an audit that cries wolf is not read for long.
struct AuditCleanTests {
    @Test func everyCheckSaysWhatHolds() {
        #expect(Set(AuditCheck.allCases.map(\.meaning)).count == AuditCheck.allCases.count)
    }

    @Test func everyWayToEndIsClean() {
        var history = AuditHistory(journal: true)
        let wrong = history.command("a", code: 1)
        let right = history.command("a", code: 2)
        let again = history.command("a", code: 2)
        let other = history.command("a", code: 3)
        let bad = history.unusable(.malformed)
        history.call(wrong, code: 1)
        history.conclude(wrong, .wrongCode)
        history.call(right, code: nil, status: 429)
        history.call(right, code: 0)
        history.conclude(right, .ok, calls: 2)
        history.result(again, .ok) { $0.replayed = true }
        history.result(other, .sessionUsed)
        history.letter(bad, .malformed)
        history.result(bad, .invalid(.malformed))
        let late = history.command("b", code: 1)
        history.pass(.seconds(121))
        history.result(late, .deadlinePassed)
        let report = history.report()
        #expect(report.findings == [])
        #expect(report.counts.results == 6 && report.counts.commands == 6 && report.counts.calls == 3)
        #expect(report.counts.sessions == 2 && report.counts.replayed == 1)
        #expect(report.counts.verifiedAgain == 1)
    }

    @Test func aLostAnswerThatIsToldIsClean() {
        var history = AuditHistory(journal: true)
        let lost = history.command("a", code: 1)
        let verified = history.command("b", code: 2)
        history.call(lost, code: 1)
        history.call(lost, code: 1)
        history.conclude(lost, .wrongCode) { $0.inDoubt = true }
        history.call(verified, code: 0)
        history.call(verified, code: 100)
        history.conclude(verified, .alreadyVerified)
        #expect(history.report().findings == [])
    }

    /// A state may be committed before the result that it knows of; after a crash the next owner replays it.
    @Test func aReplayOfWhatOnlyTheLedgerSaysIsClean() {
        var history = AuditHistory()
        let first = history.command("a", code: 1)
        let second = history.command("a", code: 2)
        let codes = [
            CodeState(
                fingerprint: Fingerprint(keyID: 1, high: 1, low: 0),
                outcome: Outcome(.wrongCode),
                source: 0,
                time: history.now
            ),
            CodeState(
                fingerprint: Fingerprint(keyID: 1, high: 2, low: 0),
                outcome: Outcome(.ok),
                source: 1,
                time: history.now
            ),
        ]
        history.result(first, .wrongCode, calls: 1)
        history.state(of: "a", codes)
        history.pass()
        history.result(second, .ok) { $0.replayed = true }
        #expect(history.report().findings == [])
    }

    /// Near its end a memory may be gone at one worker and not at another.
    @Test(arguments: [1_750, 1_900]) func beyondTheRetentionNothingIsRemembered(_ seconds: Int) {
        var history = AuditHistory(journal: true)
        let first = history.command("a", code: 1)
        history.call(first, code: 0)
        history.conclude(first, .ok)
        history.pass(.seconds(seconds))
        let second = history.command("a", code: 1)
        history.call(second, code: 100)
        history.conclude(second, .sessionUsed) {
            $0.code = 100
            $0.inDoubt = true
        }
        #expect(history.report().findings == [])
    }

    @Test func anotherKeyForgetsWhatWasConcluded() {
        var history = AuditHistory()
        let first = history.command("a", code: 1)
        history.conclude(first, .wrongCode)
        history.ledger("a", .intent(Fingerprint(keyID: 2, high: 9, low: 9), source: 1, time: history.now))
        let second = history.command("a", code: 1)
        history.result(second, .wrongCode, calls: 1) { $0.inDoubt = true }
        history.state(
            of: "a",
            [
                CodeState(
                    fingerprint: Fingerprint(keyID: 2, high: 9, low: 9),
                    outcome: Outcome(.wrongCode),
                    source: 1,
                    time: history.now
                )
            ]
        )
        #expect(history.report().findings == [])
    }

    /// What was refused after a lost answer concludes the code again.
    @Test func aCodeMayBeConcludedAgainByAFailure() {
        var history = AuditHistory()
        let lost = history.command("a", code: 1)
        let refused = history.command("a", code: 1)
        history.conclude(lost, .outcomeUnknown)
        history.conclude(refused, .upstreamUnavailable) { $0.inDoubt = true }
        #expect(history.report().findings == [])
    }

    /// Two versions take turns: what the other wrote of the session cannot be read here.
    @Test func anotherVersionForgetsWhatWasConcluded() {
        var history = AuditHistory(journal: true)
        let wrong = history.command("a", code: 1)
        let right = history.command("a", code: 2)
        let again = history.command("a", code: 1)
        history.call(wrong, code: 1)
        history.conclude(wrong, .wrongCode)
        history.call(right, code: 0)
        history.result(right, .ok, calls: 1)
        history.ledger("a", .unreadable)
        history.call(again, code: 1)
        history.result(again, .wrongCode, calls: 1) { $0.inDoubt = true }
        #expect(history.found() == [])
    }

    /// Where the key rule is broken, nothing is promised about a session as a whole.
    @Test func aSessionInTwoPartitionsIsToldAndNotHeldAgainstAnybody() {
        var history = AuditHistory(journal: true)
        for partition: Int32 in [0, 1] {
            let command = history.command("a", code: 1, partition: partition)
            history.call(command, code: 1)
            history.conclude(command, .wrongCode)
        }
        let report = history.report()
        #expect(report.findings == [])
        #expect(report.counts.spread == 1)
    }

    @Test func callsOfPartitionsThatAreNotAuditedAreNotHeldAgainstAnybody() {
        var history = AuditHistory(journal: true)
        let command = history.command("a", code: 1)
        history.call(command, code: 1) { $0.session = SessionID("elsewhere") }
        history.call(command, code: 1)
        history.conclude(command, .wrongCode)
        #expect(history.found() == [.callWithoutCommand])
        history.rules.isPartial = true
        #expect(history.found() == [])
    }

    @Test func aSessionThatNeverRestsIsJudgedInPieces() {
        var history = AuditHistory()
        history.conclude(history.command("a", code: 1), .wrongCode)
        for _ in 0..<10_200 {
            let again = history.command("a", code: 1)
            history.result(again, .wrongCode) { $0.replayed = true }
        }
        let report = history.report()
        #expect(report.findings == [])
        #expect(report.counts.sessions == 2)
    }

    @Test func whatIsOpenAndInTimeIsCountedOnly() {
        var history = AuditHistory(journal: true)
        let open = history.command("a", code: 1)
        history.call(open, code: 0)
        let report = history.report()
        #expect(report.findings == [])
        #expect(report.counts.inTime == 1 && report.counts.unanswered == 0)
    }

    @Test func whatIsOutsideTheRangeIsNotReported() {
        var history = AuditHistory()
        let before = history.command("a", code: 1)
        history.result(before, .ok)
        history.rules.since = history.now
        #expect(history.report().findings == [])
        history.rules.since = nil
        history.rules.until = before.time
        #expect(history.report().findings == [])
        history.rules.until = nil
        #expect(!history.report().findings.isEmpty)
    }

    @Test func memoryDoesNotGrowWithTheHistory() {
        var history = AuditHistory()
        history.rules.retention = .seconds(60)
        for number in 0..<3_000 {
            let command = history.command("s\(number)", code: 1)
            history.conclude(command, .ok)
        }
        var most = (sessions: 0, commands: 0)
        let report = history.report { audit in
            most = (max(most.sessions, audit.liveSessions), max(most.commands, audit.openCommands))
        }
        #expect(report.findings == [])
        #expect(report.counts.sessions == 3_000)
        // Two seconds each, and it takes up to four minutes until an idle one is dropped.
        #expect(most.sessions < 130 && most.commands <= 1)
    }

    @Test func aBacklogIsNotHeld() {
        var history = AuditHistory()
        for number in 0..<20_000 { history.command("s\(number)", code: 1) }
        let report = history.report(after: .seconds(30_000)) { #expect($0.openCommands == 0) }
        #expect(report.counts.unanswered == 20_000)
        #expect(report.findings.count == AuditReport.kept)
        #expect(report.offences == [.unanswered: 20_000])
    }
}
