import Contract
import Engine
import Testing

@Suite("One command, the whole way")
struct HappyPathTests {
    @Test func aWorkerStartsRestoresAsksAndPublishes() {
        let worker = Transcript()
        #expect(worker.happens(.started) == ["replace producer after 0 ms"])
        #expect(worker.happens(.producerReady) == ["subscribe"])
        #expect(worker.happens(.assigned([0])) == ["assign 0", "fetch positions 0"])
        let place = worker.place(0)
        let positions = Positions(committed: 5, metadata: nil, earliest: 0)
        #expect(worker.happens(.positionsFetched(place, positions)) == ["fetch ledger end 0"])
        #expect(worker.happens(.ledgerEndFetched(place, start: 3, end: 100)) == ["read ledger 0 3..<100"])
        #expect(worker.happens(.restored(place, Transcript.read([]), at: worker.wall)) == ["resume 0 at 5"])
        worker.ledgerEnd[0] = 100
        #expect(worker.receive(5, "s1", "A") == ["intent 5 s1/A@5"])
        #expect(worker.intentWritten(5) == ["call 5"])
        #expect(
            worker.answered(5, .code(0, message: "Başarılı İşlem")) == [
                "commit 1",
                "result 5 verified/ok code=0 http=200 calls=1",
                "state s1 closed A=ok@5",
                "offset 0=6 ledger 100",
            ]
        )
        #expect(worker.batch?.results.first?.event.message == "Başarılı İşlem")
        #expect(worker.committed() == [])
        #expect(worker.facts.contains(.published(.verified, reason: .ok, after: .zero)))
        #expect(worker.pass(.seconds(5)) == [])
        #expect(worker.status().commandsInMemory == 0)
    }
}
