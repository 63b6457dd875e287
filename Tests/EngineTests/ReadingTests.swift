import OTPContract
import OTPEngine
import Testing

@Suite("An owned partition is read, or the worker says that it is not")
struct ReadingTests {
    /// The leaders say, every two seconds, that the partition ends there; the lines of all that time.
    private func ends(_ worker: Transcript, at end: Int64, for duration: Duration) -> [String] {
        var lines: [String] = []
        for _ in 0..<Int(duration / .seconds(2)) {
            lines += worker.pass(.seconds(2))
            lines += worker.happens(.endsFetched([worker.epoch(0): end]))
        }
        return lines
    }

    @Test func recordsThatDoNotComeAreAskedForAgainAndThenByAnotherConsumer() {
        let worker = Transcript(owning: 0)
        #expect(ends(worker, at: 0, for: .seconds(30)) == [])
        #expect(ends(worker, at: 3, for: .seconds(10)) == [])
        #expect(!worker.status().partitions[0].isUnread)
        #expect(ends(worker, at: 3, for: .seconds(2)) == ["resume 0 at 0"])
        #expect(worker.facts.contains(.readingStalled(0, position: 0, end: 3, for: .seconds(10))))
        #expect(worker.status().partitions[0].isUnread)
        #expect(worker.status().partitions[0].end == 3)
        #expect(ends(worker, at: 3, for: .seconds(10)) == ["resume 0 at 0"])
        #expect(ends(worker, at: 3, for: .seconds(10)).first == "recreate consumer after 50 ms")
    }

    @Test func aRecordEndsTheSuspicion() {
        let worker = Transcript(owning: 0)
        _ = ends(worker, at: 3, for: .seconds(12))
        worker.receive(0, "s", "A")
        #expect(worker.facts.contains(.readingResumed(0)))
        #expect(!worker.status().partitions[0].isUnread)
        #expect(ends(worker, at: 3, for: .seconds(10)) == [])
    }

    @Test func aPartitionThatIsMeantToWaitIsNotSuspected() {
        let worker = Transcript(owning: 0) { $0.admission = Admission(high: 1, low: 0) }
        #expect(worker.receive(0, "s", "A") == ["pause 0", "intent 0 s/A@0"])
        #expect(ends(worker, at: 9, for: .seconds(30)).allSatisfy { !$0.hasPrefix("resume") })
    }

    @Test func anEndThatCannotBeLearntAccusesNobody() {
        let worker = Transcript(owning: 0)
        _ = ends(worker, at: 3, for: .seconds(8))
        #expect(worker.pass(.seconds(60)) == [])
    }

    // MARK: What cannot be decoded

    /// The damaged batch begins at 0, wherever in it reading had begun.
    private func fails(_ worker: Transcript, from next: Int64 = 0) -> [String] {
        worker.happens(.partitionUndecodable(worker.epoch(0), offset: 0, from: next, reason: "bad compression"))
    }

    @Test func aBatchThatCannotBeDecodedIsTriedAndThenPassedOver() {
        let worker = Transcript(owning: 0)
        for _ in 1...5 {
            #expect(fails(worker) == ["pause 0"])
            #expect(worker.status().partitions[0].parkedFor == "bad compression")
            #expect(worker.pass(.milliseconds(50)) == ["resume 0 at 0"])
        }
        // How many records it holds, nobody can tell.
        #expect(fails(worker) == ["resume 0 at 1"])
        #expect(fails(worker, from: 1) == ["resume 0 at 2"])
        let lines = worker.receive(2, "s", "A")
        #expect(worker.facts.contains(.steppedOver(0, from: 0, to: 2)))
        #expect(lines == ["intent 2 s/A@2", "commit 1", "dead letter 0 undecodable", "offset 0=2 ledger 0"])
        #expect(worker.batch?.deadLetters.first?.letter.lastOffset == 1)
        worker.committed()
        #expect(worker.pass(.seconds(5)) == [])
    }

    /// librdkafka tells of the same failure several times before it hears that it is to go on elsewhere.
    @Test func aFailureThatIsToldTwiceTakesOneStep() {
        let worker = Transcript(owning: 0)
        for _ in 1...5 {
            _ = fails(worker)
            worker.pass(.milliseconds(50))
        }
        #expect(fails(worker) == ["resume 0 at 1"])
        #expect(fails(worker) == ["resume 0 at 1"])
        #expect(fails(worker, from: 1) == ["resume 0 at 2"])
        #expect(fails(worker, from: 1) == ["resume 0 at 2"])
        worker.receive(2, "s", "A")
        #expect(worker.facts.contains(.steppedOver(0, from: 0, to: 2)))
    }

    /// Found by simulation: told as finished though no bitmap reaches so far, it made every next owner take the offset for a stale one,
    /// and the partition was never read again.
    @Test func whatWasPassedOverBeyondTheWindowIsToldWhenTheCommittedOffsetComes() {
        let worker = Transcript(owning: 0)
        worker.receive(0, "s", "A")
        let far = Limits.window + 5
        let damaged = Event.partitionUndecodable(worker.epoch(0), offset: far, from: far, reason: "bad compression")
        for _ in 1...5 {
            worker.happens(damaged)
            worker.pass(.milliseconds(50))
        }
        #expect(worker.happens(damaged) == ["resume 0 at \(far + 1)"])
        // Its successor is read, and waits as well.
        worker.receive(far + 1, "t", "A")
        #expect(worker.facts.contains(.steppedOver(0, from: far, to: far + 1)))
        #expect(worker.pass(.milliseconds(100)).filter { $0.hasPrefix("commit") } == [])
        worker.intentWritten(0)
        worker.answered(0, .code(1))
        #expect(worker.batch?.deadLetters.count == 0)
        worker.committed()
        #expect(worker.batch?.deadLetters.map(\.record.offset) == [far])
    }

    /// Found by simulation: the ledger's word that it had been passed over before was taken for the end of a transaction that was aborted,
    /// and what else was in that had no result.
    @Test func whatAnEarlierOwnerPassedOverIsOwedNothing() {
        let worker = Transcript()
        worker.start()
        let metadata = OffsetMetadata(
            clusterID: Transcript.cluster,
            committedOffset: 0,
            batch: BatchID(process: 1, counter: 1),
            ledgerOffset: 0,
            finished: [1, 2, 4]
        )
        worker.assign(0, metadata: metadata)
        worker.receive(0, "s", "A")
        for _ in 1...5 {
            _ = fails(worker, from: 1)
            worker.pass(.milliseconds(50))
        }
        for next: Int64 in 1...2 { _ = fails(worker, from: next) }
        #expect(worker.receive(3, "t", "A") == ["intent 3 t/A@3"])
        #expect(!worker.facts.contains { if case .steppedOver = $0 { true } else { false } })
        #expect(worker.pass(.seconds(2)).filter { $0.hasPrefix("commit") } == [])
        // Of another stretch only what is new.
        for _ in 1...5 {
            worker.happens(.partitionUndecodable(worker.epoch(0), offset: 4, from: 4, reason: "bad compression"))
            worker.pass(.milliseconds(50))
        }
        for next: Int64 in 4...5 {
            worker.happens(.partitionUndecodable(worker.epoch(0), offset: 4, from: next, reason: "bad compression"))
        }
        worker.receive(6, "u", "A")
        #expect(worker.facts.contains(.steppedOver(0, from: 5, to: 6)))
    }

    @Test func whatCanBeReadAfterAllIsNotPassedOver() {
        let worker = Transcript(owning: 0)
        #expect(fails(worker) == ["pause 0"])
        #expect(worker.pass(.milliseconds(50)) == ["resume 0 at 0"])
        #expect(worker.receive(0, "s", "A") == ["intent 0 s/A@0"])
        #expect(!worker.facts.contains { if case .steppedOver = $0 { true } else { false } })
    }

    @Test func theLetterOfWhatWasPassedOverGoesIntoTheNextBatchAfterAnAbort() {
        let worker = Transcript(owning: 0)
        for _ in 1...5 {
            _ = fails(worker)
            worker.pass(.milliseconds(50))
        }
        _ = fails(worker)
        #expect(
            worker.happens(.reachedEnd(worker.epoch(0), offset: 1)) == [
                "commit 1", "dead letter 0 undecodable", "offset 0=1 ledger 0",
            ]
        )
        worker.aborted(.transient)
        #expect(worker.pass(.milliseconds(50)) == ["commit 2", "dead letter 0 undecodable", "offset 0=1 ledger 0"])
        // A letter that no broker takes is dropped, and told of.
        #expect(worker.aborted(.outputs, faults: [.deadLetter(0)]) == [])
        #expect(worker.facts.contains(.deadLetterDropped(worker.id(0))))
        #expect(worker.pass(.seconds(1)) == ["commit 3", "offset 0=1 ledger 0"])
    }
}
