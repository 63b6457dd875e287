import OTPEngine
import Testing

@Suite("Sparing the upstream: breaker, halt, holds and limits at work")
struct ProtectionTests {
    /// A breaker that opens at the second failure in a row, and no retries.
    private func worker(_ change: (inout EngineConfiguration) -> Void = { _ in }) -> Transcript {
        Transcript(owning: 0) {
            $0.retry.maximumAttempts = 1
            $0.protection.breaker?.consecutiveFailures = 2
            change(&$0)
        }
    }

    private func results(_ lines: [String]) -> [String] { lines.filter { $0.hasPrefix("result") } }

    private func calls(_ lines: [String]) -> [String] {
        lines.filter { $0.hasPrefix("call") || $0.hasPrefix("intent") }
    }

    private func open(_ worker: Transcript) {
        worker.ask(0, "a", "A", .status(503))
        worker.committed()
        worker.ask(1, "b", "A", .status(503))
        worker.committed()
    }

    // MARK: The breaker

    @Test func anOpenBreakerAsksAboutOneAndThenAboutAll() {
        let worker = worker()
        open(worker)
        #expect(worker.status().upstream.state == .breakerOpen)
        #expect(worker.receive(2, "c", "A") == [])
        #expect(worker.receive(3, "d", "A") == [])
        #expect(worker.pass(.seconds(1)) == ["intent 2 c/A@2"])
        #expect(worker.facts.contains(.upstream(.breakerHalfOpened)))
        #expect(worker.status().upstream.state == .probing)
        #expect(worker.intentWritten(2) == ["call 2"])
        #expect(calls(worker.answered(2, .code(1))) == ["intent 3 d/A@3"])
        #expect(worker.facts.contains(.upstream(.breakerClosed)))
        #expect(worker.status().upstream.state == .serving)
    }

    @Test func theOldestProbesWhateverItsDeadline() {
        let worker = worker()
        open(worker)
        worker.receive(2, "c", "A")
        worker.receive(3, "d", "A", expiresIn: .seconds(20))
        #expect(worker.pass(.seconds(1)) == ["intent 2 c/A@2"])
    }

    @Test func whoWaitsLongerThanItMayIsAnsweredWithoutACall() {
        let worker = worker()
        open(worker)
        worker.receive(2, "c", "A")
        worker.receive(3, "d", "A")
        worker.receive(4, "d", "B")
        worker.pass(.seconds(1))
        worker.intentWritten(2)
        // The probe is on its way; the others wait for it, those behind others as well.
        let lines = worker.pass(.seconds(2.1))
        #expect(
            results(lines) == [
                "result 3 failed/upstream_unavailable retryable calls=0",
                "result 4 failed/upstream_unavailable retryable calls=0",
            ]
        )
        #expect(calls(lines) == [])
        worker.committed()
        #expect(worker.status().unconcluded == 1)
    }

    @Test func anExpiredOneIsExpired() {
        let worker = worker()
        open(worker)
        worker.receive(2, "c", "A")
        worker.pass(.milliseconds(100))
        worker.receive(3, "d", "A", expiresIn: .milliseconds(300))
        #expect(results(worker.pass(.milliseconds(350))) == ["result 3 expired/deadline_passed calls=0"])
    }

    @Test func anIntentAcknowledgedTooLateForItsCallIsVoidedUnlessItCanStillBeAsked() {
        func opened(_ worker: Transcript) {
            worker.receive(0, "c", "A")
            worker.ask(1, "a", "A", .status(503))
            worker.ask(2, "b", "A", .status(503))
            #expect(worker.intentWritten(0) == [])
        }
        let worker = worker()
        opened(worker)
        #expect(calls(worker.pass(.milliseconds(400))) == [])
        worker.committed()
        #expect(worker.pass(.milliseconds(600)) == ["call 0"])

        let other = self.worker { $0.protection.breaker?.openDuration = .seconds(30) }
        opened(other)
        other.pass(.milliseconds(100))
        other.committed()
        let end = other.pass(.seconds(3))
        #expect(results(end) == ["result 0 failed/upstream_unavailable retryable calls=0"])
        #expect(end.contains("void c/A"))
    }

    @Test func aWrongCodeIsHealthAndTooManyRequestsAreNoFailure() {
        let worker = worker()
        for offset: Int64 in 0..<20 {
            worker.ask(offset, "s\(offset)", "A", offset % 2 == 0 ? .code(1) : .status(429))
            worker.committed()
        }
        #expect(worker.status().upstream.state == .serving)
        for offset: Int64 in 20..<23 {
            worker.ask(offset, "s\(offset)", "A", .error(400, result: 11))
            worker.committed()
        }
        #expect(worker.status().upstream.state == .serving)
    }

    @Test func aProbeWhosePartitionGoesMakesRoomForAnother() {
        let worker = Transcript(owning: 0, 1) {
            $0.retry.maximumAttempts = 1
            $0.protection.breaker?.consecutiveFailures = 2
        }
        worker.ask(0, "a", "A", in: 1, .status(503))
        worker.committed()
        worker.ask(1, "a2", "A", in: 1, .status(503))
        worker.committed()
        worker.receive(0, "b", "A", in: 0)
        #expect(worker.pass(.seconds(1)) == ["intent 0 b/A@0"])
        let old = worker.id(0, 0)
        worker.happens(.lost([0]))
        worker.receive(2, "c", "A", in: 1)
        #expect(worker.pass(.milliseconds(100)) == [])
        #expect(worker.happens(.intentWritten(old, ledgerOffset: nil)) == ["intent 1/2 c/A@2"])
    }

    // MARK: The halt

    /// Two sessions are refused, and then a third that confirms it: offsets 0 to 2.
    private func halt(_ worker: Transcript, _ answer: UpstreamAnswer = .status(401)) {
        for (offset, session) in [(0 as Int64, "a"), (1, "a2"), (2, "a3")] {
            worker.ask(offset, session, "A", answer)
            worker.committed()
        }
    }

    @Test func aRefusedKeyHaltsUntilAProbeIsAnsweredOtherwise() {
        let worker = worker()
        worker.ask(0, "a", "A", .status(401))
        worker.committed()
        #expect(worker.status().upstream.state == .serving)
        worker.ask(1, "a2", "A", .status(401))
        #expect(worker.facts.contains(.upstream(.halted(.init(httpStatus: 401, code: nil)))))
        worker.committed()
        // Anyone who comes next finds out whether it is the key.
        worker.ask(2, "a3", "A", .status(401))
        worker.committed()
        worker.receive(3, "b", "A")
        #expect(results(worker.pass(.seconds(3.1))) == ["result 3 failed/upstream_halted retryable calls=0"])
        worker.committed()
        let status = worker.status().upstream
        #expect(status.state == .halted)
        #expect(status.cause == "the upstream refuses the account or the key: HTTP 401")
        #expect(status.reopensIn.map { $0 < .seconds(2) } == true)
        // It comes late enough to wait for the probe, and so to be it.
        #expect(worker.receive(4, "c", "A") == [])
        worker.receive(5, "d", "A")
        #expect(worker.pass(.seconds(2)) == ["intent 4 c/A@4"])
        worker.intentWritten(4)
        #expect(calls(worker.answered(4, .code(1))) == ["intent 5 d/A@5"])
        #expect(worker.status().upstream.state == .serving)
    }

    /// Of one session's page nobody knows whose word it is; several sessions' are as good as the upstream's.
    @Test func pagesThatRefuseSeveralSessionsHalt() {
        let worker = worker { $0.protection.breaker = nil }
        let lines = worker.ask(0, "a", "A", .page(403))
        #expect(results(lines) == ["result 0 failed/outcome_unknown retryable in_doubt http=403 calls=1"])
        worker.committed()
        #expect(worker.status().upstream.state == .serving)
        worker.ask(1, "a2", "A", .page(401))
        worker.committed()
        #expect(worker.status().upstream.state == .halted)
        #expect(worker.receive(2, "a", "B") == [])
        #expect(worker.receive(3, "a3", "A") == ["intent 3 a3/A@3"])
    }

    @Test(arguments: [UpstreamAnswer.page(404), .page(502), .page(200), .page(302), .status(204), .status(429)])
    func aPageEndsNoHalt(_ page: UpstreamAnswer) {
        let worker = worker { $0.protection.breaker = nil }
        halt(worker)
        worker.pass(.seconds(6))
        worker.ask(3, "b", "A", page)
        worker.committed()
        #expect(worker.status().upstream.state == .halted)
        #expect(worker.receive(4, "c", "A") == [])
        worker.pass(.seconds(30))
        worker.ask(5, "d", "A", .error(500, type: "api_error"))
        #expect(worker.status().upstream.state == .serving)
    }

    @Test func aNewKeyIsTriedAtOnce() {
        let worker = worker()
        halt(worker)
        worker.receive(3, "b", "A")
        #expect(worker.happens(.keyReplaced) == ["intent 3 b/A@3"])
        worker.intentWritten(3)
        worker.answered(3, .code(1))
        #expect(worker.status().upstream.state == .serving)
    }

    @Test func aHaltOutlivesARebalance() {
        let worker = worker()
        halt(worker, .code(3))
        worker.happens(.lost([0]))
        worker.assign(0, committed: 3)
        #expect(worker.receive(3, "b", "A") == [])
        #expect(worker.status().upstream.state == .halted)
        #expect(calls(worker.pass(.seconds(2))) == [])
    }

    @Test func anAnswerForAPartitionThatIsGoneEndsAHaltIfItWasTheProbes() {
        let worker = Transcript(owning: 0, 1) { $0.retry.maximumAttempts = 1 }
        halt(worker)
        worker.pass(.seconds(6))
        worker.receive(3, "b", "A")
        worker.intentWritten(3)
        let old = worker.id(3)
        worker.happens(.lost([0]))
        #expect(worker.receive(0, "c", "A", in: 1) == [])
        #expect(worker.happens(.answered(old, .code(1))) == ["intent 1/0 c/A@0"])
        #expect(worker.status().upstream.state == .serving)
    }

    // MARK: One session's answers concern that session

    /// A firewall refuses one session for its id, the upstream asks one to wait or fails for one, over and over; everybody else
    /// is served as ever.
    @Test(arguments: [
        UpstreamAnswer.status(403), .code(3), .error(401, result: 7), .status(429, retryAfter: .seconds(30)),
        .status(503, retryAfter: .seconds(30)), .status(500), .cut, .notSent,
        .page(403), .page(401, body: .init(code: 401, message: "no")),
    ])
    func aPoisonousSessionCostsNobodyElseAnything(_ answer: UpstreamAnswer) {
        let worker = worker { $0.protection.adaptsConcurrency = true }
        for round: Int64 in 0..<10 {
            worker.ask(2 * round, "poison", "A\(round)", answer)
            worker.committed()
            // Nobody was served for a long while, and even so it stands alone.
            if round == 5 { worker.pass(.seconds(20)) }
            #expect(worker.status().upstream.state == .serving)
            #expect(
                worker.receive(2 * round + 1, "good\(round)", "A") == [
                    "intent \(2 * round + 1) good\(round)/A@\(2 * round + 1)"
                ]
            )
            #expect(worker.intentWritten(2 * round + 1) == ["call \(2 * round + 1)"])
            worker.answered(2 * round + 1, .code(0))
            worker.committed()
        }
        #expect(worker.status().upstream.concurrencyLimit == 512)
    }

    @Test func manyBadOnesAmongManyGoodOnesHaltNothing() {
        let worker = worker()
        worker.ask(0, "first", "A", .code(0))
        worker.committed()
        for round: Int64 in 0..<40 {
            let first = 4 * round + 1
            worker.ask(first, "bad\(round)", "A", round % 2 == 0 ? .status(403) : .page(403))
            worker.committed()
            worker.ask(first + 1, "worse\(round)", "A", .status(429, retryAfter: .seconds(30)))
            worker.committed()
            worker.ask(first + 2, "worst\(round)", "A", .status(403))
            worker.committed()
            worker.pass(.milliseconds(500))
            #expect(worker.status().upstream.state == .serving)
            #expect(calls(worker.ask(first + 3, "good\(round)", "A", .code(0))) == [])
            worker.committed()
        }
    }

    @Test func oneThatIsNotRefusedYetProbesFirstAndARefusedOneDelaysNobody() {
        let worker = worker()
        worker.ask(0, "bad", "A", .status(403))
        worker.committed()
        worker.ask(1, "worse", "A", .status(403))
        worker.committed()
        #expect(worker.status().upstream.state == .halted)
        // It was refused already, so it waits; the other is asked about at once, and ends the halt.
        #expect(worker.receive(2, "bad", "B") == [])
        #expect(worker.receive(3, "good", "A") == ["intent 3 good/A@3"])
        worker.intentWritten(3)
        #expect(calls(worker.answered(3, .code(0))) == ["intent 2 bad/B@2"])
        #expect(worker.status().upstream.state == .serving)
    }

    @Test func whereOnlyRefusedOnesWaitTheyProbeAtThePace() {
        let worker = worker { $0.protection.maximumWait = .seconds(60) }
        worker.ask(0, "bad", "A", .status(403))
        worker.committed()
        worker.ask(1, "worse", "A", .status(403))
        worker.committed()
        #expect(worker.receive(2, "bad", "B") == [])
        #expect(worker.pass(.seconds(4.9)) == [])
        #expect(worker.pass(.milliseconds(100)) == ["intent 2 bad/B@2"])
        worker.intentWritten(2)
        worker.answered(2, .status(403))
        worker.committed()
        #expect(worker.receive(3, "good", "A") == ["intent 3 good/A@3"])
    }

    @Test func anOpenBreakerIsProbedByOneThatHasNotFailed() {
        let worker = Transcript(owning: 0) {
            $0.retry.base = .milliseconds(1)
            $0.retry.cap = .milliseconds(1)
            $0.protection.breaker?.consecutiveFailures = 2
        }
        worker.receive(0, "bad", "A", expiresIn: .seconds(20))
        worker.receive(1, "worse", "A", expiresIn: .seconds(20))
        worker.intentWritten(0)
        worker.intentWritten(1)
        worker.answered(0, .status(503))
        worker.answered(1, .status(503))
        #expect(worker.status().upstream.state == .breakerOpen)
        worker.pass(.milliseconds(10))
        worker.receive(2, "good", "A")
        #expect(worker.pass(.seconds(1)) == ["intent 2 good/A@2"])
    }

    // MARK: Retry-After, retries, rate

    @Test func retryAfterHoldsEverybodyBackAndNobodyForEver() {
        let worker = worker { $0.protection.longestHold = .seconds(2) }
        worker.ask(0, "a", "A", .status(429, retryAfter: .seconds(3_600)))
        worker.committed()
        #expect(worker.status().upstream.state == .serving)
        worker.ask(1, "a2", "A", .status(429, retryAfter: .seconds(3_600)))
        worker.committed()
        #expect(worker.status().upstream.state == .held)
        #expect(worker.receive(2, "b", "A") == [])
        #expect(worker.pass(.milliseconds(1_999)) == [])
        #expect(worker.pass(.milliseconds(1)) == ["intent 2 b/A@2"])

        let long = self.worker()
        long.ask(0, "a", "A", .status(429, retryAfter: .seconds(20)))
        long.committed()
        long.ask(1, "a2", "A", .status(429, retryAfter: .seconds(20)))
        long.committed()
        long.receive(2, "b", "A")
        #expect(results(long.pass(.seconds(3.1))) == ["result 2 failed/upstream_unavailable retryable calls=0"])
    }

    @Test func theyAreHeldForTheShortestOfTheWaits() {
        let worker = worker()
        worker.ask(0, "a", "A", .status(429, retryAfter: .seconds(3_600)))
        worker.committed()
        worker.ask(1, "a2", "A", .status(429, retryAfter: .seconds(1)))
        worker.committed()
        #expect(worker.receive(2, "b", "A") == [])
        #expect(worker.pass(.seconds(1)) == ["intent 2 b/A@2"])
    }

    @Test func withoutATokenThereIsNoRetry() {
        let worker = Transcript(owning: 0) {
            $0.protection.retryFloor = 1
            $0.protection.retryShare = 0
        }
        #expect(worker.ask(0, "a", "A", .status(503)) == [])
        worker.ask(1, "b", "A", .status(503))
        #expect(worker.facts.contains(.upstream(.retryDenied)))
        #expect(
            results(worker.pass(.milliseconds(20))) == [
                "result 1 failed/outcome_unknown retryable in_doubt http=503 calls=1"
            ]
        )
    }

    @Test func theRateSpacesIntentsAndTheirCallsNeedNoSecondToken() {
        let worker = Transcript(owning: 0) { $0.protection.rateLimit = 10 }
        #expect(worker.receive(0, "a", "A") == ["intent 0 a/A@0"])
        #expect(worker.receive(1, "b", "A") == [])
        #expect(worker.intentWritten(0) == ["call 0"])
        #expect(worker.pass(.milliseconds(99)) == [])
        #expect(worker.pass(.milliseconds(1)) == ["intent 1 b/A@1"])
    }

    @Test func intentsThatAreAcknowledgedTogetherAreNotCalledTogether() {
        let worker = Transcript(owning: 0) { $0.protection.rateLimit = 10 }
        worker.receive(0, "a", "A")
        worker.receive(1, "b", "A")
        #expect(worker.pass(.milliseconds(100)) == ["intent 1 b/A@1"])
        #expect(worker.intentWritten(0) == ["call 0"])
        #expect(worker.intentWritten(1) == [])
        #expect(worker.pass(.milliseconds(99)) == [])
        #expect(worker.pass(.milliseconds(1)) == ["call 1"])
    }

    @Test func theRateIsSharedByPartitions() {
        let worker = Transcript(owning: 0) {
            $0.protection.rateLimit = 10
            $0.protection.partitions = 4
        }
        #expect(worker.status().upstream.rateShare == 2.5)
        worker.assign(1)
        #expect(worker.status().upstream.rateShare == 5)
        worker.happens(.revoked([1]))
        #expect(worker.status().upstream.rateShare == 2.5)
    }

    @Test func whatCannotMakeItIsNotAskedAndExpiresAtItsDeadline() {
        let worker = Transcript(owning: 0)
        for offset: Int64 in 0..<20 {
            worker.receive(offset, "s\(offset)", "A")
            worker.intentWritten(offset)
            worker.pass(.milliseconds(100))
            worker.answered(offset, .code(1))
            worker.committed()
        }
        #expect(worker.receive(20, "t", "A", expiresIn: .milliseconds(90)) == [])
        #expect(worker.receive(21, "u", "A", expiresIn: .milliseconds(400)) == ["intent 21 u/A@21"])
        #expect(results(worker.pass(.milliseconds(120))) == ["result 20 expired/deadline_passed calls=0"])
    }
}
