import Kafka
import Testing

/// What a cluster says of itself and its topics.
@Suite struct AdminTests {
    @Suite(.enabled(if: WireBroker.isAvailable, WireBroker.missing))
    struct OnTheWire {
        @Test func topicsAreCreatedAndDescribed() throws {
            let admin = try Admin(WireBroker.common())
            let (plain, compacted) = (unique("plain"), unique("compacted"))
            let topics = [
                Admin.NewTopic(plain, partitions: 3, replication: 1),
                Admin.NewTopic(compacted, partitions: 2, replication: 1, config: ["cleanup.policy": "compact"]),
            ]
            #expect(try admin.partitionCounts([plain, compacted], timeout: .seconds(20)).isEmpty)
            #expect(try admin.createTopics(topics, timeout: .seconds(20)).isEmpty)
            #expect(
                try admin.partitionCounts([plain, compacted, unique("none")], timeout: .seconds(20))
                    == [plain: 3, compacted: 2]
            )
            #expect(try admin.topicConfig(compacted, timeout: .seconds(20))["cleanup.policy"] == "compact")

            let again = try admin.createTopics([topics[0]], timeout: .seconds(20))
            #expect(again.mapValues(\.code) == [plain: .topicAlreadyExists])
            let error = #expect(throws: KafkaError.self) {
                try admin.topicConfig(unique("none"), timeout: .seconds(20))
            }
            #expect(error?.code == .unknownTopicOrPartition)
            #expect(admin.close(timeout: .seconds(10)))
        }

        @Test func theClusterHasAnIDAndBrokers() throws {
            let admin = try Admin(WireBroker.common())
            #expect(try admin.clusterID(timeout: .seconds(20))?.isEmpty == false)
            #expect(try admin.brokers(timeout: .seconds(20)).isEmpty == false)
            #expect(admin.close(timeout: .seconds(10)))
        }

        @Test func aTopicIsWatchedFromNowOrFromItsBeginning() throws {
            let common = try WireBroker.common()
            let topic = unique("watched")
            let admin = try Admin(common)
            _ = try admin.createTopics([Admin.NewTopic(topic, partitions: 2, replication: 1)], timeout: .seconds(20))
            _ = admin.close(timeout: .seconds(10))
            try write(numbered(2, topic: topic, partition: 0), to: common)

            let now = try TopicReader(common, topic: topic, from: .now)
            let all = try TopicReader(common, topic: topic, from: .beginning)
            let some = try TopicReader(common, topic: topic, partitions: [0], from: .offsets([0: 1]))
            try write(numbered(1, topic: topic, partition: 1) + numbered(1, topic: topic, partition: 0), to: common)

            #expect(Set(try read(now, 2)) == ["1/0", "0/2"])
            #expect(Set(try read(all, 4)) == ["0/0", "0/1", "0/2", "1/0"])
            #expect(try read(some, 2) == ["0/1", "0/2"])
            for reader in [now, all, some] { #expect(reader.close(timeout: .seconds(10))) }
            #expect(throws: KafkaError.self) { try TopicReader(common, topic: unique("none"), from: .now) }
        }

        private func read(_ reader: TopicReader, _ count: Int) throws -> [String] {
            var seen: [String] = []
            let end = ContinuousClock.now + .seconds(20)
            while seen.count < count {
                try #require(ContinuousClock.now < end, "saw only \(seen)")
                seen += try reader.poll(timeout: .milliseconds(100)).map { "\($0.partition)/\($0.offset)" }
            }
            return seen
        }
    }

    @Test func anUnreachableClusterIsAnErrorThatSaysWhy() throws {
        let broker = try EmbeddedBroker()
        let admin = try Admin(broker.common)
        broker.stop()
        let start = ContinuousClock.now
        let error = #expect(throws: KafkaError.self) { try admin.brokers(timeout: .seconds(1)) }
        #expect(ContinuousClock.now - start < .seconds(10))
        #expect(error?.isTransient == true)
        #expect(error?.reason.contains("refused") == true, "\(error.map { "\($0)" } ?? "")")
        #expect(admin.close(timeout: .seconds(5)))
    }
}
