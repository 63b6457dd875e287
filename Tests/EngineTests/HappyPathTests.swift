import OTPContract
import OTPEngine
import Testing

@Suite("One command, the whole way")
struct HappyPathTests {
    @Test func aWorkerStartsRestoresAsksAndPublishes() {
        let worker = Transcript()
        #expect(worker.happens(.started) == ["replace producer after 0 ms"])
        #expect(worker.happens(.producerReady) == ["subscribe"])
        #expect(worker.happens(.assigned([0])) == ["assign 0", "fetch positions 0"])
        let epoch = worker.epoch(0)
        let positions = Positions(committed: 5, metadata: nil, earliest: 3, end: 5)
        #expect(worker.happens(.positionsFetched(epoch, positions)) == ["barrier 0"])
        #expect(worker.happens(.barrierWritten(epoch, ledgerOffset: 100)) == ["read ledger 0 start...100"])
        #expect(
            worker.happens(.restored(epoch, .init(ledger: Transcript.read([])), at: worker.wall)) == ["resume 0 at 5"]
        )
        worker.ledgerEnd[0] = 101
        #expect(worker.receive(5, "s1", "A") == ["intent 5 s1/A@5"])
        #expect(worker.intentWritten(5) == ["call 5"])
        worker.pass(.milliseconds(180))
        #expect(
            worker.answered(5, .code(0, message: "Başarılı İşlem")) == [
                "commit 1",
                "result 5 verified/ok code=0 http=200 calls=1",
                "state s1 closed A=ok@5",
                "offset 0=6 ledger 101",
            ]
        )
        let event = worker.batch?.results.first?.event
        #expect(event?.message == "Başarılı İşlem")
        #expect(event?.commandID == "commands/0/5" && event?.sessionID == Sample.session("s1"))
        #expect(event?.source == Coordinates(topic: "commands", partition: 0, offset: 5))
        #expect(event.map { $0.completedAt.milliseconds - $0.receivedAt.milliseconds } == 180)
        #expect(worker.batch?.id == BatchID(process: 7, counter: 1))
        worker.pass(.milliseconds(20))
        #expect(worker.committed() == [])
        #expect(worker.facts.contains(.published(.verified, reason: .ok, after: .milliseconds(200))))
        // The next owner will not read so far back, and must know whose the partition was.
        #expect(worker.pass(.seconds(5)) == [])
        #expect(worker.renewals == 1)
        #expect(worker.status().commandsInMemory == 0)
    }
}
