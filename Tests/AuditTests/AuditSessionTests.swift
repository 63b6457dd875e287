import AuditKit
import OTPAudit
import OTPContract
import OTPEngine
import Testing

/// Each check of a session fails on a history that is wrong in that one way.
struct AuditSessionTests {
    @Test func resultsOutOfOrderAreFound() {
        var history = AuditHistory()
        let first = history.command("a", code: 1)
        let second = history.command("a", code: 2)
        history.conclude(second, .wrongCode)
        history.conclude(first, .wrongCode)
        #expect(history.found() == [.order])
    }

    @Test func resultsOnDifferentTopicsHaveNoOrder() {
        var history = AuditHistory()
        let first = history.command("a", code: 1)
        let second = history.command("a", code: 2)
        history.resultTopic = "replies"
        history.conclude(second, .wrongCode)
        history.resultTopic = "results"
        history.conclude(first, .wrongCode)
        #expect(history.found() == [])
    }

    @Test func anOpenCommandBeforeAnAnsweredOneIsFound() {
        var history = AuditHistory()
        history.command("a", code: 1)
        let second = history.command("a", code: 2)
        history.conclude(second, .wrongCode)
        #expect(history.found() == [.order])
    }

    @Test func whatCanBeNoCodeIsWrongWithoutACall() {
        var history = AuditHistory(journal: true)
        let first = history.command("a", code: 1)
        history.call(first, code: 0)
        history.conclude(first, .ok)
        let slip = history.command("a", code: 2, canBeRight: false)
        history.result(slip, .wrongCode)
        let again = history.command("a", code: 2, canBeRight: false)
        history.result(again, .wrongCode)
        #expect(history.found() == [])
    }

    @Test func whatCanBeNoCodeAndIsAskedAboutOrRememberedIsFound() {
        let answers: [(Reason, Int, (inout ResultEvent) -> Void)] = [
            (.wrongCode, 1, { _ in }), (.wrongCode, 0, { $0.replayed = true }), (.wrongCode, 0, { $0.code = 1 }),
            (.deadlinePassed, 0, { _ in }), (.sessionUsed, 0, { _ in }),
        ]
        for (reason, calls, change) in answers {
            var history = AuditHistory()
            history.result(history.command("a", code: 1, canBeRight: false), reason, calls: calls, change)
            #expect(history.found() == [.unfounded])
        }
        var history = AuditHistory(journal: true)
        let slip = history.command("a", code: 1, canBeRight: false)
        history.result(slip, .wrongCode)
        history.call(slip, code: 1)
        #expect(history.found() == [.callWithoutCommand])
    }

    @Test func aReplayThatSaysSomethingElseIsFound() {
        let changes: [(inout ResultEvent) -> Void] = [
            { $0.code = 7 }, { $0.httpStatus = 404 }, { $0.message = "another" }, { $0.calls = 1 },
        ]
        for change in changes {
            var history = AuditHistory()
            let first = history.command("a", code: 1)
            let second = history.command("a", code: 1)
            history.conclude(first, .wrongCode)
            history.result(second, .wrongCode) {
                $0.replayed = true
                change(&$0)
            }
            #expect(history.found() == [.replay])
        }
    }

    @Test func aReplayOfNothingIsFound() {
        var history = AuditHistory()
        let command = history.command("a", code: 1)
        history.result(command, .wrongCode) { $0.replayed = true }
        #expect(history.found() == [.replay])
    }

    @Test func askingAgainWhatIsConcludedIsFound() {
        var history = AuditHistory()
        let first = history.command("a", code: 1)
        let second = history.command("a", code: 1)
        history.conclude(first, .wrongCode)
        history.conclude(second, .wrongCode)
        #expect(history.found() == [.replay])
    }

    @Test func aCodeAskedAfterAVerifiedOneIsFound() {
        var history = AuditHistory()
        let first = history.command("a", code: 1)
        let second = history.command("a", code: 2)
        history.conclude(first, .ok)
        history.conclude(second, .wrongCode)
        #expect(history.found() == [.closed])
    }

    @Test func twoVerifiedCodesAreFound() {
        var history = AuditHistory()
        let first = history.command("a", code: 1)
        let second = history.command("a", code: 2)
        history.conclude(first, .ok)
        history.conclude(second, .ok)
        #expect(history.found() == [.verifiedTwice])
    }

    @Test(arguments: [Reason.wrongCode, .sessionUsed, .tooManyCodes, .sessionBusy])
    func whatHasNoGroundIsFound(_ reason: Reason) {
        var history = AuditHistory()
        let command = history.command("a", code: 1)
        history.result(command, reason)
        #expect(history.found().contains(.unfounded))
    }

    @Test func verifiedWithoutACallIsFound() {
        var history = AuditHistory()
        let command = history.command("a", code: 1)
        history.conclude(command, .ok, calls: 0)
        #expect(history.found() == [.unfounded])
    }

    @Test func aDoubtThatIsNotToldIsFound() {
        var history = AuditHistory()
        let first = history.command("a", code: 1)
        history.conclude(first, .outcomeUnknown) { $0.inDoubt = false }
        #expect(history.found() == [.doubt])

        history = AuditHistory()
        let lost = history.command("a", code: 1)
        let next = history.command("a", code: 2)
        history.conclude(lost, .outcomeUnknown)
        history.conclude(next, .wrongCode)
        #expect(history.found() == [.doubt])

        history = AuditHistory()
        let verified = history.command("a", code: 1)
        history.conclude(verified, .ok) { $0.inDoubt = true }
        #expect(history.found() == [.doubt])
    }

    @Test func aVerifiedEndsTheDoubt() {
        var history = AuditHistory()
        let lost = history.command("a", code: 1)
        let right = history.command("a", code: 2)
        let last = history.command("a", code: 3)
        history.conclude(lost, .outcomeUnknown)
        history.conclude(right, .ok)
        history.result(last, .sessionUsed)
        #expect(history.found() == [])
    }

    // MARK: The ledger

    @Test func aLedgerThatSaysSomethingElseIsFound() {
        var history = AuditHistory()
        let command = history.command("a", code: 1)
        history.conclude(command, .wrongCode)
        history.states["a"]?[0].outcome = Outcome(.unknownSession)
        history.state(of: "a", history.states["a"] ?? [])
        #expect(history.found() == [.ledger])
    }

    @Test func aConcludedCodeThatTheLedgerLacksIsFound() {
        var history = AuditHistory()
        let first = history.command("a", code: 1)
        history.result(first, .wrongCode, calls: 1)
        #expect(history.found() == [.ledger])
        let second = history.command("a", code: 2)
        history.conclude(second, .wrongCode)
        #expect(history.report().offences == [.ledger: 1])
    }

    @Test func aLedgerThatConcludesWhatIsNotAnsweredIsFound() {
        var history = AuditHistory()
        let first = history.command("a", code: 1)
        let second = history.command("a", code: 2)
        history.conclude(first, .wrongCode)
        var ahead = history.states["a"] ?? []
        ahead.append(
            CodeState(
                fingerprint: Fingerprint(keyID: 1, high: 2, low: 0),
                outcome: Outcome(.wrongCode),
                source: second.offset,
                time: history.now
            )
        )
        history.state(of: "a", ahead)
        #expect(history.found(after: .seconds(40)) == [.ledger])
    }

    @Test func aLedgerThatClosesOtherwiseThanTheResultsIsFound() {
        for isVerified in [true, false] {
            var history = AuditHistory()
            let command = history.command("a", code: 1)
            history.conclude(command, isVerified ? .ok : .wrongCode)
            history.state(of: "a", history.states["a"] ?? [], isClosed: !isVerified)
            #expect(history.found(after: .seconds(40)) == [.ledger])
        }
    }
}
