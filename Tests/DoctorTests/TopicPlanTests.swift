import OTPDoctor
import OTPKafka
import OTPWorker
import Testing

/// What `topics` creates, what it leaves alone, and what it says about the rest.
struct TopicPlanTests {
    private let topics = WorkerConfiguration.Topics()
    private let ledgerConfig = ["cleanup.policy": "compact,delete", "retention.ms": "604800000"]

    private var complete: [String: TopicPlan.Found] {
        [
            topics.commands: .init(
                partitions: 6,
                config: [
                    "cleanup.policy": "delete", "compression.type": "uncompressed", "max.message.bytes": "262144",
                ]
            ),
            topics.results: .init(partitions: 6),
            topics.ledger: .init(partitions: 6, config: ledgerConfig),
            topics.deadLetters: .init(partitions: 1),
        ]
    }

    private func differences(_ found: [String: TopicPlan.Found], partitions: Int? = nil) -> [String] {
        TopicPlan(topics, found: found, partitions: partitions).steps.compactMap { step in
            if case .differs(let topic, let what, let remedy) = step { "\(topic): \(what) → \(remedy)" } else { nil }
        }
    }

    @Test func anEmptyClusterGetsFourTopics() throws {
        let plan = TopicPlan(topics, found: [:], partitions: 24, replication: 3)
        try #require(
            plan.newTopics.map(\.name) == [topics.commands, topics.results, topics.ledger, topics.deadLetters]
        )
        #expect(plan.newTopics.allSatisfy { $0.partitions == 24 && $0.replication == 3 })
        #expect(plan.newTopics.allSatisfy { $0.config["min.insync.replicas"] == "2" })
        #expect(plan.newTopics[2].config["cleanup.policy"] == "compact,delete")
        #expect(plan.newTopics[2].config["retention.ms"] == "604800000")
        #expect(plan.newTopics[0].config["cleanup.policy"] == "delete")
        // Codes and phone numbers: a day, not the cluster's week.
        #expect(plan.newTopics.map { $0.config["retention.ms"] } == ["86400000", nil, "604800000", nil])
        #expect(plan.newTopics[0].config["compression.type"] == "uncompressed")
        #expect(plan.newTopics[0].config["max.message.bytes"] == "262144")
        #expect(plan.newTopics.dropFirst().allSatisfy { $0.config["compression.type"] == nil })
        #expect(!plan.hasDifferences)
    }

    @Test func theBrokerDecidesWhatNobodyAskedFor() {
        let plan = TopicPlan(topics, found: [:])
        #expect(plan.newTopics.allSatisfy { $0.partitions == 8 && $0.replication == -1 })
        #expect(plan.newTopics.allSatisfy { $0.config["min.insync.replicas"] == nil })
    }

    @Test func aSecondRunDoesNothing() {
        let plan = TopicPlan(topics, found: complete)
        #expect(plan.newTopics.isEmpty)
        #expect(!plan.hasDifferences)
        #expect(plan.steps.count == 4)
    }

    @Test func whatIsMissingFollowsTheCommandTopic() {
        let found = [topics.commands: TopicPlan.Found(partitions: 12)]
        #expect(TopicPlan(topics, found: found, partitions: 4).newTopics.map(\.partitions) == [12, 12, 12])
    }

    @Test func unequalPartitionsAreTold() throws {
        var found = complete
        found[topics.ledger]?.partitions = 3
        found[topics.results]?.partitions = 9
        let told = differences(found)
        try #require(told.count == 2)
        #expect(told[0].contains("otp.verify.results: it has 9 partitions, the commands have 6"))
        #expect(told[0].contains("use another topic"))
        #expect(told[1].contains("it has 3 partitions, the commands have 6: a session's record goes to its command's"))
        #expect(told[1].contains("--alter --topic otp.verify.ledger --partitions 6"))
    }

    @Test func askingForOtherPartitionsIsNoOrder() {
        #expect(differences(complete, partitions: 12).first?.contains("it has 6 partitions, not 12") == true)
        #expect(differences(complete, partitions: 3).first?.contains("partitions cannot be taken away") == true)
        #expect(differences(complete, partitions: 6).isEmpty)
    }

    @Test func policiesThatLoseRecordsAreTold() throws {
        var found = complete
        found[topics.commands]?.config["cleanup.policy"] = "compact"
        found[topics.ledger]?.config = ["cleanup.policy": "delete", "retention.ms": "3600000"]
        let told = differences(found)
        try #require(told.count == 3)
        #expect(told[0].contains("compaction would remove all but the last record of a session"))
        #expect(told[1].contains("without compaction it grows"))
        #expect(told[2].contains("retention.ms is 3600000"))
    }

    /// A batch that shrinks a thousandfold is small to the broker and fills the memory of anyone who reads it.
    @Test func commandsThatMayBeCompressedOrLargeAreTold() throws {
        var found = complete
        found[topics.commands]?.config["compression.type"] = "producer"
        found[topics.commands]?.config["max.message.bytes"] = "1048588"
        let told = differences(found)
        try #require(told.count == 2)
        #expect(told[0].contains("compression.type is producer") && told[0].contains("compression.type=uncompressed"))
        #expect(told[1].contains("max.message.bytes is 1048588") && told[1].contains("max.message.bytes=262144"))
    }

    @Test func theLimitMakesRoomForTheLargestCommand() {
        let plan = TopicPlan(topics, found: [:], maximumCommandBytes: 1_000_000)
        #expect(plan.newTopics[0].config["max.message.bytes"] == "1016384")
    }

    @Test func aLedgerThatKeepsForEverIsFine() {
        var found = complete
        found[topics.ledger]?.config = ["cleanup.policy": "compact,delete", "retention.ms": "-1"]
        #expect(differences(found).isEmpty)
        found[topics.ledger]?.config = ["cleanup.policy": "compact", "retention.ms": "3600000"]
        #expect(differences(found).isEmpty)
    }
}
