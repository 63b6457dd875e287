import OTPWorker
import Testing

@Suite struct TopicGrowthTests {
    private let topics = WorkerConfiguration.Topics()

    private func counts(commands: Int = 8, results: Int = 8, ledger: Int = 8) -> [String: Int] {
        [topics.commands: commands, topics.results: results, topics.ledger: ledger, topics.deadLetters: 1]
    }

    @Test func whatStaysTheSameIsNotWorthALine() {
        var growth = TopicGrowth(topics, commands: 8, results: 8)
        #expect(growth.found(counts()).isEmpty)
        // The ledger is grown first, and alone that means nothing.
        #expect(growth.found(counts(ledger: 12)).isEmpty)
    }

    @Test func partitionsWithoutALedgerAreToldUntilTheyHaveOne() throws {
        var growth = TopicGrowth(topics, commands: 8, results: 8)
        for _ in 0..<2 {
            guard case .broken(let failure) = try #require(growth.found(counts(commands: 12)).first) else {
                Issue.record("not told")
                return
            }
            #expect(failure.message.contains("those from 8 on have none"))
            #expect(
                failure.remedy == "kafka-topics --bootstrap-server … --alter --topic otp.verify.ledger --partitions 12"
            )
        }
        let fixed = growth.found(counts(commands: 12, results: 12, ledger: 12))
        #expect(
            fixed == [
                .fixed,
                .changed(commands: .init(before: 8, now: 12), results: .init(before: 8, now: 12), mirrored: 12),
            ]
        )
        #expect(growth.found(counts(commands: 12, results: 12, ledger: 12)).isEmpty)
    }

    @Test func resultsMirrorTheirCommandsOnlyWhereBothHaveAsMany() {
        var growth = TopicGrowth(topics, commands: 8, results: 8)
        let findings = growth.found(counts(commands: 12, ledger: 12))
        #expect(
            findings == [.changed(commands: .init(before: 8, now: 12), results: .init(before: 8, now: 8), mirrored: 0)]
        )
    }

    @Test func aTopicThatIsGoneIsNamed() throws {
        var growth = TopicGrowth(topics, commands: 8, results: 8)
        var counts = counts()
        counts[topics.results] = nil
        guard case .broken(let failure) = try #require(growth.found(counts).first) else {
            Issue.record("not told")
            return
        }
        #expect(failure.description.contains("topic otp.verify.results does not exist"))
    }
}
