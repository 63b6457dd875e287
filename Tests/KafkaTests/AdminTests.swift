import OTPKafka
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

        @Test func partitionsAreDescribed() throws {
            let admin = try Admin(WireBroker.common())
            let topic = unique("described")
            _ = try admin.createTopics([Admin.NewTopic(topic, partitions: 2, replication: 1)], timeout: .seconds(20))
            let partitions = try #require(try admin.partitions(of: topic, timeout: .seconds(20)))
            #expect(partitions.map(\.replicas) == [1, 1])
            #expect(partitions.allSatisfy { $0.leader != nil && $0.inSync == 1 })
            #expect(try admin.partitions(of: unique("none"), timeout: .seconds(20)) == nil)
            #expect(admin.close(timeout: .seconds(10)))
        }

        @Test func aGroupIsDescribedAndItsOffsetsAreRead() throws {
            let common = try WireBroker.common()
            let admin = try Admin(common)
            let (topic, group) = (unique("grouped"), unique("group"))
            _ = try admin.createTopics([Admin.NewTopic(topic, partitions: 2, replication: 1)], timeout: .seconds(20))
            #expect(try admin.group(group, timeout: .seconds(20)).members == 0)
            #expect(try admin.committed(by: group, [TopicPartition(topic, 0)], timeout: .seconds(20)).isEmpty)
            let member = try GroupConsumer.member(of: group, common, topics: [topic])
            try member.join(2)
            let there = try admin.group(group, timeout: .seconds(20))
            #expect(there.members == 1)
            #expect(there.assignor == "cooperative-sticky")
            #expect(member.destroy(within: .seconds(10)))
            #expect(admin.close(timeout: .seconds(10)))
        }

        /// What `doctor` writes is never seen, and its offsets are never committed.
        @Test func aDryRunLeavesNothing() throws {
            let common = try WireBroker.common()
            let admin = try Admin(common)
            let (topic, group) = (unique("dryRun"), unique("group"))
            _ = try admin.createTopics([Admin.NewTopic(topic, partitions: 1, replication: 1)], timeout: .seconds(20))
            let reader = try TopicReader(common, topic: topic, from: .beginning)
            let producer = try TransactionalProducer(
                ClientProperties.transactionalProducer(common, transactionalID: unique("doctor"))
            )
            try producer.initTransactions(timeout: .seconds(20))
            let partition = TopicPartition(topic, 0)
            let record = OutgoingRecord(topic: topic, key: Array("k".utf8))
            #expect(producer.dryRun([record], group: group) == nil)
            #expect(producer.dryRun([], offsets: [OffsetCommit(partition, offset: 1)], group: group) == nil)
            #expect(producer.close(timeout: .seconds(10)))
            try write(numbered(1, topic: topic, partition: 0), to: common)
            #expect(try read(reader, 1).count == 1)
            #expect(try admin.committed(by: group, [partition], timeout: .seconds(20)).isEmpty)
            #expect(reader.close(timeout: .seconds(10)))
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
            let values = try TopicReader(
                common,
                topic: topic,
                partitions: [0],
                from: .beginning,
                .values(ofAtMost: 1_000)
            )
            let bare = try values.poll(timeout: .seconds(10), maximum: 1)
            #expect(bare.first?.value != nil && bare.first?.keySize ?? 0 > 0)
            #expect(bare.first?.key?.isEmpty == true && bare.first?.headers == [])
            for reader in [now, all, some, values] { #expect(reader.close(timeout: .seconds(10))) }
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

    /// librdkafka 2.0.2 ends the process where its admin client asks such a broker for a group.
    @Test func aBrokerThatKnowsFewRequestsIsAskedWithoutHarm() throws {
        let broker = try EmbeddedBroker()
        let topic = unique("t")
        try broker.createTopic(topic, partitions: 1)
        let admin = try Admin(broker.common)
        _ = try? admin.group("g", timeout: .seconds(5))
        _ = try? admin.brokerConfig(1, timeout: .seconds(5))
        #expect(try admin.committed(by: "g", [TopicPartition(topic, 0)], timeout: .seconds(20)).isEmpty)
        #expect(admin.close(timeout: .seconds(5)))
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
