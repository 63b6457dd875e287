import OTPContract
import OTPEngine
import Testing

@Suite("Asking, asking again, and giving up")
struct UpstreamTests {
    @Test func aBusyUpstreamIsAskedAgainWhenItSays() {
        let worker = Transcript(owning: 0)
        #expect(worker.ask(0, "s", "A", .status(429, retryAfter: .seconds(3))) == [])
        #expect(worker.facts.contains(.backedOff(worker.id(0), attempt: 1, for: .seconds(3))))
        #expect(worker.pass(.milliseconds(2_999)) == [])
        #expect(worker.pass(.milliseconds(1)) == ["call 0"])
        #expect(
            worker.answered(0, .code(0)) == [
                "commit 1", "result 0 verified/ok code=0 http=200 calls=2", "state s closed A=ok@0",
                "offset 0=1 ledger 0",
            ]
        )
    }

    @Test func anAmbiguousAnswerThenAVerdictIsFlagged() {
        let worker = Transcript(owning: 0)
        #expect(worker.ask(0, "s", "A", .cut) == [])
        #expect(worker.pass(.seconds(1)) == ["call 0"])
        #expect(
            worker.answered(0, .code(1)) == [
                "commit 1", "result 0 rejected/wrong_code in_doubt code=1 http=200 calls=2", "state s A=wrong_code@0!",
                "offset 0=1 ledger 0",
            ]
        )
        worker.committed()
        // Doubt sticks to the session until it is verified.
        #expect(
            worker.ask(1, "s", "B", .code(1)).contains("result 1 rejected/wrong_code in_doubt code=1 http=200 calls=1")
        )
        worker.committed()
        #expect(
            worker.ask(2, "s", "C", .code(0)) == [
                "commit 3", "result 2 verified/ok code=0 http=200 calls=1",
                "state s closed A=wrong_code@0 B=wrong_code@1 C=ok@2", "offset 0=3 ledger 4",
            ]
        )
    }

    @Test func ambiguousTwiceIsOutcomeUnknown() {
        let worker = Transcript(owning: 0)
        worker.ask(0, "s", "A", .status(500))
        #expect(worker.pass(.seconds(1)) == ["call 0"])
        #expect(
            worker.answered(0, .cut) == [
                "commit 1", "result 0 failed/outcome_unknown retryable in_doubt calls=2",
                "state s A=outcome_unknown@0!",
                "offset 0=1 ledger 0",
            ]
        )
        worker.committed()
        // The same command sent again is asked again, with an intent of its own.
        #expect(worker.receive(1, "s", "A") == ["intent 1 s/A@1"])
        worker.intentWritten(1)
        #expect(
            worker.answered(1, .code(100)) == [
                "commit 2", "result 1 verified/already_verified code=100 http=200 calls=1",
                "state s closed A=already_verified@1", "offset 0=2 ledger 1",
            ]
        )
    }

    /// The trial: a proxy's back end died after it had verified the code, and its second answer was "used already".
    @Test func a503WithoutRetryAfterIsAskedAgainLikeARefusalAndLeavesTheDoubtOfALostAnswer() {
        let worker = Transcript(owning: 0) { $0.protection = .none }
        #expect(worker.ask(0, "s", "A", .status(503)) == [])
        for _ in 2...3 {
            #expect(worker.pass(.seconds(1)) == ["call 0"])
            #expect(worker.answered(0, .status(503)) == [])
        }
        #expect(worker.pass(.seconds(2)) == ["call 0"])
        #expect(
            worker.answered(0, .code(17)) == [
                "commit 1", "result 0 rejected/session_used in_doubt code=17 http=200 calls=4",
                "state s A=session_used@0!", "offset 0=1 ledger 0",
            ]
        )
    }

    @Test func onlyLostAnswersCountAgainstTheirOwnLimit() {
        let worker = Transcript(owning: 0) { $0.protection = .none }
        worker.ask(0, "s", "A", .status(503))
        #expect(worker.pass(.seconds(1)) == ["call 0"])
        #expect(worker.answered(0, .cut) == [])
        #expect(worker.pass(.seconds(1)) == ["call 0"])
        #expect(
            worker.answered(0, .cut).prefix(2) == [
                "commit 1", "result 0 failed/outcome_unknown retryable in_doubt calls=3",
            ]
        )
    }

    @Test(arguments: [UpstreamAnswer.status(408), .status(421), .status(425), .status(503, retryAfter: .zero)])
    func whatWasNotProcessedIsAskedAgainWithoutADoubt(answer: UpstreamAnswer) {
        let worker = Transcript(owning: 0) { $0.protection = .none }
        #expect(worker.ask(0, "s", "A", answer) == [])
        #expect(worker.pass(.seconds(1)) == ["call 0"])
        #expect(worker.answered(0, .code(17)).contains("result 0 rejected/session_used code=17 http=200 calls=2"))
    }

    @Test(arguments: [UpstreamAnswer.status(202), .status(204), .page(404), .page(403), .page(400)])
    func whatIsNotTheUpstreamsWordIsADoubtAndAsksTheNextTimeToo(answer: UpstreamAnswer) {
        let worker = Transcript(owning: 0) { $0.protection = .none }
        #expect(worker.ask(0, "s", "A", answer) == [])
        #expect(worker.pass(.seconds(1)) == ["call 0"])
        let lines = worker.answered(0, answer)
        #expect(lines.contains { $0.hasPrefix("result 0 failed/outcome_unknown retryable in_doubt http=") })
        worker.committed()
        // Nothing is replayed: the same command is a question again.
        #expect(worker.receive(1, "s", "A") == ["intent 1 s/A@1"])
        worker.intentWritten(1)
        #expect(worker.answered(1, .code(0)).contains("result 1 verified/ok code=0 http=200 calls=1"))
    }

    /// Pages of an ingress only are an upstream that is not there.
    @Test func pagesOfSomethingElseOpenTheBreaker() {
        let worker = Transcript(owning: 0) {
            $0.protection = .none
            $0.protection.breaker = .init(consecutiveFailures: 3)
        }
        var opened = false
        for offset in 0..<3 {
            worker.ask(Int64(offset), "s\(offset)", "A", .page(404))
            opened = opened || worker.facts.contains { if case .upstream(.breakerOpened) = $0 { true } else { false } }
        }
        #expect(opened)
    }

    @Test func theLogIsToldWhyABodyIsUnusable() {
        let worker = Transcript(owning: 0)
        worker.ask(0, "s", "A", .page(404))
        let bodies = worker.facts.compactMap { fact -> BodyFault? in
            if case .asked(_, _, _, _, _, _, let body) = fact { body } else { nil }
        }
        #expect(bodies == [.html])
    }

    @Test func alreadySucceededIsOursOnlyIfAnEarlierAttemptMayHaveBeen() {
        let cut = Transcript(owning: 0)
        cut.ask(0, "s", "A", .cut)
        cut.pass(.seconds(1))
        #expect(cut.answered(0, .code(100)).contains("result 0 verified/already_verified code=100 http=200 calls=2"))

        for safe in [UpstreamAnswer.status(429), .notSent, .withheld] {
            let worker = Transcript(owning: 0)
            worker.ask(0, "s", "A", safe)
            worker.pass(.seconds(1))
            let lines = worker.answered(0, .code(100))
            #expect(lines.contains { $0.hasPrefix("result 0 rejected/session_used in_doubt code=100 http=200") })
            #expect(lines.contains("state s A=session_used@0"))
        }
    }

    @Test func alreadySucceededIsNobodysWhileAnotherCodeIsInDoubt() {
        let worker = Transcript(owning: 0)
        worker.ask(0, "s", "A", .cut)
        worker.pass(.seconds(1))
        worker.answered(0, .cut)
        worker.committed()
        worker.ask(1, "s", "B", .cut)
        #expect(worker.pass(.seconds(1)) == ["call 1"])
        #expect(
            worker.answered(1, .code(100)).contains(
                "result 1 rejected/session_used in_doubt code=100 http=200 calls=2"
            )
        )
    }

    @Test func aRefusedAccountHaltsWithoutARetry() {
        let worker = Transcript(owning: 0)
        #expect(
            worker.ask(0, "s", "A", .status(401)) == [
                "commit 1", "result 0 failed/upstream_halted retryable http=401 calls=1", "state s A=upstream_halted@0",
                "offset 0=1 ledger 0",
            ]
        )
    }

    @Test func aRefusedRequestIsNotRetried() {
        let worker = Transcript(owning: 0)
        #expect(
            worker.ask(0, "s", "A", .error(400, result: 11)) == [
                "commit 1", "result 0 failed/refused_by_upstream code=11 http=400 calls=1",
                "state s A=refused_by_upstream@0", "offset 0=1 ledger 0",
            ]
        )
    }

    @Test func whatNeverLeftConcludesNoCodeAndLeavesATombstone() {
        let worker = Transcript(owning: 0)
        #expect(worker.ask(0, "s", "A", .notSent) == [])
        for _ in 2...3 {
            #expect(worker.pass(.seconds(1)) == ["call 0"])
            #expect(worker.answered(0, .notSent) == [])
        }
        #expect(worker.pass(.seconds(2)) == ["call 0"])
        #expect(
            worker.answered(0, .notSent) == [
                "commit 1", "result 0 failed/upstream_unavailable retryable calls=4", "void s/A", "offset 0=1 ledger 0",
            ]
        )
        worker.committed()
        #expect(worker.status().partitions.first?.sessions == 0)
    }

    @Test func aTombstoneNeverMeetsALaterIntentOfItsKey() {
        let worker = Transcript(owning: 0) { $0.retry.maximumAttempts = 1 }
        worker.receive(0, "s", "A")
        worker.receive(1, "s", "A")
        worker.intentWritten(0)
        // The second would write an intent that the first one's tombstone might wipe out.
        #expect(worker.answered(0, .notSent) == [])
        #expect(
            worker.pass(.milliseconds(20)) == [
                "commit 1", "result 0 failed/upstream_unavailable retryable calls=1", "void s/A", "offset 0=1 ledger 0",
            ]
        )
        #expect(worker.aborted(.transient) == [])
        #expect(worker.pass(.milliseconds(50)).prefix(1) == ["commit 2"])
        #expect(worker.committed() == ["intent 1 s/A@1"])
        #expect(worker.intentWritten(1) == ["call 1"])
        #expect(worker.answered(1, .code(1)).contains("result 1 rejected/wrong_code code=1 http=200 calls=1"))
    }

    @Test func aFailureThatLeftConcludesItsCodeAndTheNextAsksWithItsOwnIntent() {
        let worker = Transcript(owning: 0) { $0.protection = .none }
        worker.receive(0, "s", "A")
        worker.receive(1, "s", "A")
        worker.intentWritten(0)
        #expect(worker.answered(0, .status(403)) == ["intent 1 s/A@1"])
        #expect(worker.intentWritten(1) == ["call 1"])
        #expect(
            worker.pass(.milliseconds(20)) == [
                "commit 1", "result 0 failed/upstream_halted retryable http=403 calls=1", "state s A=upstream_halted@0",
                "offset 0=1 ledger 1",
            ]
        )
        worker.committed()
        #expect(worker.answered(1, .code(1)).contains("state s A=wrong_code@1"))
    }

    @Test func theTotalTimeoutEndsTheRetries() {
        let worker = Transcript(owning: 0) {
            $0.totalTimeout = .seconds(4)
            $0.retry.maximumAttempts = 100
        }
        worker.ask(0, "s", "A", .status(503, retryAfter: .seconds(3)))
        #expect(worker.pass(.seconds(3)) == ["call 0 for 1000 ms"])
        #expect(
            worker.answered(0, .status(503, retryAfter: .seconds(3))) == [
                "commit 1", "result 0 failed/upstream_unavailable retryable http=503 calls=2",
                "state s A=upstream_unavailable@0", "offset 0=1 ledger 0",
            ]
        )
    }

    @Test func callsAreBounded() {
        let worker = Transcript(owning: 0) { $0.maximumInFlight = 2 }
        #expect(worker.receive(0, "s", "A") == ["intent 0 s/A@0"])
        #expect(worker.receive(1, "t", "A") == ["intent 1 t/A@1"])
        #expect(worker.receive(2, "u", "A") == [])
        #expect(worker.intentWritten(0) == ["call 0"])
        #expect(worker.answered(0, .code(1)) == ["intent 2 u/A@2"])
        #expect(worker.status().inFlight == 2)
    }

    @Test func whatWaitsForASlotIsAnsweredAtItsDeadline() {
        let worker = Transcript(owning: 0) { $0.maximumInFlight = 1 }
        worker.receive(0, "s", "A")
        #expect(worker.receive(1, "t", "A", expiresIn: .seconds(3)) == [])
        #expect(worker.pass(.milliseconds(2_999)) == [])
        #expect(
            worker.pass(.milliseconds(21)) == [
                "commit 1", "result 1 expired/deadline_passed calls=0", "offset 0=0 ledger 0 finished 1",
            ]
        )
    }

    @Test func theMessageIsScrubbed() {
        let worker = Transcript(owning: 0)
        worker.ask(0, "s", "AB12", .code(1, message: "AB12 for 0532 481 89 42 is wrong"))
        #expect(worker.batch?.results.first?.event.message == "*** for *** is wrong")
        #expect(worker.batch?.results.first?.event.maskedPhone == "532*****42")
    }

    /// A return code that nobody knows may be what was asked about, sent back.
    @Test(arguments: [(481934, nil), (5_324_818_942, nil), (48_193, 48_193), (-7, -7), (1, 1)] as [(Int, Int?)])
    func aReturnCodeThatIsTheCodeOrThePhoneIsNotTold(number: Int, told: Int?) {
        let worker = Transcript(owning: 0)
        worker.ask(0, "s", "481934", .code(number))
        #expect(worker.batch?.results.first?.event.code == told)
    }
}
