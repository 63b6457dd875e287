import OTPContract
import OTPEngine
import Testing

@Suite("What is known is not asked again")
struct ReplayTests {
    @Test func aRecordDeliveredAgainIsIgnored() {
        let worker = Transcript(owning: 0)
        #expect(worker.receive(0, "s", "A") == ["intent 0 s/A@0"])
        #expect(worker.receive(0, "s", "A") == [])
        #expect(worker.facts.contains(.ignored(count: 1)))
        worker.intentWritten(0)
        #expect(worker.receive(0, "s", "A") == [])
        worker.answered(0, .code(0))
        #expect(worker.receive(0, "s", "A") == [])
        worker.committed()
        #expect(worker.receive(0, "s", "A") == [])
        #expect(worker.pass(.seconds(3)) == [])
    }

    @Test func theSameCodeAgainIsReplayed() {
        let worker = Transcript(owning: 0)
        worker.ask(0, "s", "A", .code(1, message: "hayır"))
        worker.committed()
        #expect(
            worker.receive(1, "s", "A") == [
                "commit 2", "result 1 rejected/wrong_code replayed code=1 http=200 calls=0", "offset 0=2 ledger 1",
            ]
        )
        #expect(worker.batch?.results.first?.event.message == "hayır")
    }

    @Test func theSameCodeBehindTheOneBeingAskedIsReplayedInOrder() {
        let worker = Transcript(owning: 0)
        worker.receive(0, "s", "A")
        #expect(worker.receive(1, "s", "A") == [])
        #expect(worker.status().partitions.map(\.waitingSessions) == [1])
        worker.intentWritten(0)
        #expect(
            worker.answered(0, .code(0)) == [
                "commit 1",
                "result 0 verified/ok code=0 http=200 calls=1",
                "result 1 verified/ok replayed code=0 http=200 calls=0",
                "state s closed A=ok@0",
                "offset 0=2 ledger 0",
            ]
        )
        #expect(worker.status().partitions.map(\.waitingSessions) == [0])
    }

    @Test func wrongThenRightThenAnotherThenBothAgain() {
        let worker = Transcript(owning: 0)
        #expect(
            worker.ask(0, "s", "A", .code(1)) == [
                "commit 1", "result 0 rejected/wrong_code code=1 http=200 calls=1", "state s A=wrong_code@0",
                "offset 0=1 ledger 0",
            ]
        )
        worker.committed()
        #expect(
            worker.ask(1, "s", "B", .code(0)) == [
                "commit 2", "result 1 verified/ok code=0 http=200 calls=1", "state s closed A=wrong_code@0 B=ok@1",
                "offset 0=2 ledger 1",
            ]
        )
        worker.committed()
        #expect(
            worker.receive(2, "s", "C") == [
                "commit 3", "result 2 rejected/session_used calls=0", "offset 0=3 ledger 4",
            ]
        )
        worker.committed()
        #expect(
            worker.receive(3, "s", "A") == [
                "commit 4", "result 3 rejected/wrong_code replayed code=1 http=200 calls=0", "offset 0=4 ledger 4",
            ]
        )
        worker.committed()
        #expect(
            worker.receive(4, "s", "B") == [
                "commit 5", "result 4 verified/ok replayed code=0 http=200 calls=0", "offset 0=5 ledger 4",
            ]
        )
    }

    @Test func otherSessionsRunAtTheSameTime() {
        let worker = Transcript(owning: 0)
        #expect(
            worker.receive([worker.record(0, "s", "A"), worker.record(1, "t", "A"), worker.record(2, "s", "B")]) == [
                "intent 0 s/A@0", "intent 1 t/A@1",
            ]
        )
        worker.intentWritten(0)
        worker.intentWritten(1)
        // The second of a session begins when the first has its outcome, not when that is published.
        #expect(worker.answered(0, .code(1)) == ["intent 2 s/B@2"])
        #expect(worker.answered(1, .code(0)) == [])
        #expect(
            worker.pass(.milliseconds(20)) == [
                "commit 1",
                "result 0 rejected/wrong_code code=1 http=200 calls=1",
                "result 1 verified/ok code=0 http=200 calls=1",
                "state s A=wrong_code@0",
                "state t closed A=ok@1",
                "offset 0=2 ledger 0",
            ]
        )
    }

    @Test func whatAnEarlierOwnerFinishedHasNoSecondResult() {
        let metadata = OffsetMetadata(
            clusterID: Transcript.cluster,
            committedOffset: 5,
            batch: BatchID(process: 1, counter: 1),
            ledgerOffset: 0,
            finished: [6, 8]
        )
        let worker = Transcript()
        worker.start()
        #expect(worker.assign(0, committed: 5, metadata: metadata) == ["resume 0 at 5"])
        #expect(worker.receive(5, "s", "A") == ["intent 5 s/A@5"])
        #expect(worker.receive(6, "t", "A") == [])
        #expect(worker.receive(7, "u", "A") == ["intent 7 u/A@7"])
        #expect(worker.receive(8, "v", "A") == [])
        worker.intentWritten(7)
        worker.answered(7, .code(1))
        #expect(
            worker.pass(.milliseconds(20)) == [
                "commit 1", "result 7 rejected/wrong_code code=1 http=200 calls=1", "state u A=wrong_code@7",
                "offset 0=5 ledger 0 finished 6,7,8",
            ]
        )
        worker.committed()
        worker.intentWritten(5)
        #expect(
            worker.answered(5, .code(1)) == [
                "commit 2", "result 5 rejected/wrong_code code=1 http=200 calls=1", "state s A=wrong_code@5",
                "offset 0=9 ledger 1",
            ]
        )
    }

    @Test func manyCodesOfOneSessionLookLikeGuessing() {
        let worker = Transcript(owning: 0) { $0.maximumCodes = 2 }
        worker.ask(0, "s", "A", .code(1))
        worker.committed()
        worker.ask(1, "s", "B", .code(1))
        worker.committed()
        #expect(
            worker.receive(2, "s", "C") == [
                "commit 3", "result 2 rejected/too_many_codes calls=0", "offset 0=3 ledger 4",
            ]
        )
        worker.committed()
        #expect(
            worker.receive(3, "s", "B") == [
                "commit 4", "result 3 rejected/wrong_code replayed code=1 http=200 calls=0", "offset 0=4 ledger 4",
            ]
        )
        worker.committed()
        // Another session may ask the very same code.
        #expect(worker.receive(4, "t", "C") == ["intent 4 t/C@4"])
    }

    // MARK: Who was answered first

    private func first(_ worker: Transcript) -> ResultEvent.First? { worker.batch?.results.first?.event.first }

    private func coordinates(_ offset: Int64) -> Coordinates {
        Coordinates(topic: "commands", partition: 0, offset: offset)
    }

    @Test func aReplayNamesTheCommandThatWasAnsweredFirst() {
        let worker = Transcript(owning: 0)
        worker.receive([worker.record(0, "s", "A", commandID: "mine")])
        worker.intentWritten(0)
        worker.answered(0, .code(0))
        #expect(first(worker) == nil)
        worker.committed()
        for offset: Int64 in 1...2 {
            worker.receive([worker.record(offset, "s", "A", commandID: "a stranger's \(offset)")])
            #expect(first(worker) == .init(source: coordinates(0), commandID: "mine"))
            worker.committed()
        }
        worker.receive(3, "s", "B")
        #expect(first(worker) == nil)
    }

    @Test func oneWithoutANameIsNamedByItsPlaceAlone() {
        let worker = Transcript(owning: 0)
        worker.ask(0, "s", "A", .code(1))
        worker.committed()
        worker.receive([worker.record(1, "s", "A", commandID: "named")])
        #expect(first(worker) == .init(source: coordinates(0), commandID: nil))
    }

    @Test func theNextOwnerNamesItToo() throws {
        let worker = Transcript(owning: 0)
        worker.receive([worker.record(0, "s", "A", commandID: "mine")])
        worker.intentWritten(0)
        worker.answered(0, .code(0))
        let ledger = try #require(worker.batch).ledger.compactMap(\.record)
        let next = Transcript()
        next.start()
        next.assign(0, committed: 1, ledger: ledger)
        next.receive(1, "s", "A")
        #expect(first(next) == .init(source: coordinates(0), commandID: "mine"))
        // An owner of a version that writes no notes was in between, for another code; or the notes cannot be read.
        for unread in [ledger.filter { $0.key.first != UInt8(ascii: "n") }, ledger + [ledger[0]]] {
            let other = Transcript()
            other.start()
            other.assign(0, committed: 1, ledger: unread)
            other.receive(1, "s", "A")
            #expect(first(other)?.source == coordinates(0))
        }
    }

    @Test func notesThatCannotBeReadDoubtNothing() {
        let key = LedgerRecord(session: Sample.session("s"), content: .notes([])).key
        for value in [nil, [9, 9], [1, 1, 0], [1, 0, 0]] as [[UInt8]?] {
            #expect(LedgerRecord(key: key, value: value)?.content == .notes([]))
        }
    }
}
