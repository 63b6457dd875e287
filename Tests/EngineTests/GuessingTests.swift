import OTPContract
import OTPEngine
import Testing

@Suite("Guessing: through one session or through many of one phone")
struct GuessingTests {
    private func worker(_ limit: Int = 3) -> Transcript { Transcript(owning: 0) { $0.maximumWrongCodes = limit } }

    /// One command of a phone, all the way to its answer if it is asked about.
    @discardableResult
    private func ask(
        _ worker: Transcript,
        _ offset: Int64,
        _ session: String,
        phone: UInt64 = 9,
        _ code: Int = 1
    ) -> [String] {
        let lines = worker.receive([worker.record(offset, session, "A", phone: phone)])
        guard lines.contains(where: { $0.hasPrefix("intent") }) else { return lines }
        worker.intentWritten(offset)
        return worker.answered(offset, .code(code))
    }

    private let refused = "rejected/too_many_codes calls=0"

    @Test func wrongCodesOfAPhoneAreCountedWhateverTheSession() {
        let worker = worker()
        for offset: Int64 in 0..<3 {
            ask(worker, offset, "s\(offset)")
            worker.committed()
        }
        #expect(ask(worker, 3, "s3").contains("result 3 \(refused)"))
        #expect(worker.facts.contains(.guessed(worker.id(3), at: .phone)))
        worker.committed()
        // Another phone's are its own.
        #expect(ask(worker, 4, "s4", phone: 8).contains("result 4 rejected/wrong_code code=1 http=200 calls=1"))
        worker.committed()
        // What is concluded is answered as ever.
        #expect(ask(worker, 5, "s0").contains("result 5 rejected/wrong_code replayed code=1 http=200 calls=0"))
    }

    @Test func rightCodesAndOtherTroubleAreNoGuesses() {
        let worker = worker()
        for (offset, code) in [(0 as Int64, 0), (1, 0), (2, 13), (3, 17), (4, 11)] {
            ask(worker, offset, "s\(offset)", code)
            worker.committed()
        }
        #expect(ask(worker, 5, "s5").contains("result 5 rejected/wrong_code code=1 http=200 calls=1"))
    }

    @Test func aHundredAtOnceAreNoHundredGuesses() {
        let worker = worker()
        let lines = worker.receive((0..<100).map { worker.record($0, "s\($0)", "A", phone: 9) })
        #expect(lines.count { $0.hasPrefix("intent") } == 3)
        for offset: Int64 in 0..<3 { worker.intentWritten(offset) }
        for offset: Int64 in 0..<3 { worker.answered(offset, .code(offset == 0 ? 0 : 1)) }
        worker.pass(.milliseconds(50))
        while worker.batch != nil { worker.committed() }
        // One of them was right: there is room for one more.
        #expect(ask(worker, 100, "t").contains("result 100 rejected/wrong_code code=1 http=200 calls=1"))
        worker.committed()
        #expect(ask(worker, 101, "u").contains("result 101 \(refused)"))
    }

    @Test func theNextOwnerKnowsThem() {
        let worker = worker()
        var ledger: [LedgerRecord] = []
        for offset: Int64 in 0..<3 {
            ask(worker, offset, "s\(offset)")
            ledger += worker.batch?.ledger.compactMap(\.record) ?? []
            worker.committed()
        }
        let next = Transcript { $0.maximumWrongCodes = 3 }
        next.start()
        next.assign(0, committed: 3, ledger: ledger)
        #expect(ask(next, 3, "s3").contains("result 3 \(refused)"))
    }

    @Test func theyAreForgottenWithTheRetention() {
        let worker = worker()
        for offset: Int64 in 0..<3 {
            ask(worker, offset, "s\(offset)")
            worker.committed()
        }
        worker.pass(.seconds(1_799))
        #expect(ask(worker, 3, "s3").contains("result 3 \(refused)"))
        worker.committed()
        worker.pass(.seconds(2))
        #expect(ask(worker, 4, "s4").contains("result 4 rejected/wrong_code code=1 http=200 calls=1"))
    }

    @Test func withoutALimitNobodyCounts() {
        let worker = worker(0)
        for offset: Int64 in 0..<50 {
            #expect(ask(worker, offset, "s\(offset)").contains { $0.contains("wrong_code") })
            #expect(worker.batch?.ledger.contains { $0.key.first == UInt8(ascii: "n") } == false)
            worker.committed()
        }
    }

    @Test func aSessionsOwnLimitIsToldApart() {
        let worker = Transcript(owning: 0) { $0.maximumCodes = 1 }
        worker.ask(0, "s", "A", .code(1))
        worker.committed()
        worker.receive(1, "s", "B")
        #expect(worker.facts.contains(.guessed(worker.id(1), at: .session)))
    }
}
