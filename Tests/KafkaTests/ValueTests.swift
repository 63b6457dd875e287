import Testing

@testable import OTPKafka

/// What is decided from values alone, without a broker.
@Suite struct ValueTests {
    private let common = ClientProperties.Common(
        bootstrapServers: "b:9092",
        clientID: "w-0",
        passThrough: ["sasl.password": "s3cret", "linger.ms": "3"]
    )

    @Test func theUsersPropertiesArePassedThroughAndTheDesignsAreFixed() throws {
        let consumer = try ClientProperties.consumer(common, groupID: "g", instanceID: "i")
        #expect(consumer["sasl.password"] == "s3cret")
        #expect(consumer["bootstrap.servers"] == "b:9092")
        #expect(consumer["group.instance.id"] == "i")
        #expect(consumer["partition.assignment.strategy"] == "cooperative-sticky")
        #expect(consumer["isolation.level"] == "read_committed")
        #expect(consumer["auto.offset.reset"] == "error")
        #expect(consumer["enable.auto.commit"] == "false")
        #expect(consumer["session.timeout.ms"] == "6000")
        #expect(consumer["heartbeat.interval.ms"] == "500")

        let producer = try ClientProperties.transactionalProducer(common, transactionalID: "w-0")
        #expect(producer["linger.ms"] == "3")
        #expect(producer["transaction.timeout.ms"] == "10000")
        #expect(producer["partitioner"] == "murmur2_random")
        #expect(producer["acks"] == "all")
    }

    @Test func aShortSessionBeatsOftenEnough() throws {
        let consumer = try ClientProperties.consumer(common, groupID: "g", sessionTimeout: .milliseconds(1_200))
        #expect(consumer["heartbeat.interval.ms"] == "400")
    }

    /// It would raise that of a fetch.
    @Test func aBoundOfProducersIsNoneOfConsumers() throws {
        let common = ClientProperties.Common(bootstrapServers: "b", passThrough: ["message.max.bytes": "5000000"])
        let consumer = try ClientProperties.consumer(common, groupID: "g")
        #expect(consumer["message.max.bytes"] == consumer["fetch.max.bytes"])
        #expect(try ClientProperties.idempotentProducer(common)["message.max.bytes"] == "5000000")
    }

    @Test func batchesAreFarBelowTheLimitsOfTopics() throws {
        let standard = try ClientProperties.transactionalProducer(common, transactionalID: "w")
        #expect(standard["batch.size"] == "65536")
        let lowered = try ClientProperties.transactionalProducer(common, transactionalID: "w", batchSize: 9_000)
        #expect(lowered["batch.size"] == "9000")
        #expect(try ClientProperties.idempotentProducer(common, batchSize: 9_000)["batch.size"] == "9000")
    }

    @Test func whatARefusalMeansIsToldByItsCode() {
        #expect(KafkaError("commit", .groupAuthorizationFailed).isDenied)
        #expect(!KafkaError("commit", .illegalGeneration).isDenied)
        #expect(KafkaError("produce", .recordListTooLarge).isTooLarge)
        #expect(KafkaError("produce", .messageTooLarge).isTooLarge)
        #expect(KafkaError("init transactions", .concurrentTransactions).isLocked)
    }

    @Test(arguments: [
        "isolation.level", "enable.auto.commit", "auto.commit.enable", "transactional.id", "acks",
        "request.required.acks",
        "partitioner", "client.rack", "group.instance.id", "metadata.broker.list", "delivery.timeout.ms",
    ])
    func aPropertyThatTheDesignOwnsIsRefusedByName(name: String) {
        let common = ClientProperties.Common(bootstrapServers: "b", passThrough: [name: "s3cret"])
        let error = #expect(throws: KafkaError.self) { try ClientProperties.idempotentProducer(common) }
        #expect(error?.reason.contains("property \(name) ") == true)
        #expect(error?.description.contains("s3cret") == false)
    }

    @Test(arguments: [("no.such.property", "is not known"), ("security.protocol", "does not take")])
    func aWrongPropertyIsNamedAndItsValueIsNot(name: String, problem: String) throws {
        let common = ClientProperties.Common(bootstrapServers: "b", passThrough: [name: "s3cret"])
        let properties = try ClientProperties.consumer(common, groupID: "g")
        let error = #expect(throws: KafkaError.self) { try GroupConsumer(properties) }
        #expect(error?.reason.contains(name) == true)
        #expect(error?.reason.contains(problem) == true)
        #expect(error?.description.contains("s3cret") == false)
    }

    @Test func everyKindOfClientTakesItsProperties() throws {
        let common = ClientProperties.Common(bootstrapServers: "127.0.0.1:1")
        #expect(
            try GroupConsumer(ClientProperties.consumer(common, groupID: "g", instanceID: "i")).destroy(
                within: .seconds(5)
            )
        )
        #expect(
            try IdempotentProducer(ClientProperties.idempotentProducer(common), onReports: { _ in })
                .close(timeout: .seconds(5))
        )
        #expect(
            try TransactionalProducer(ClientProperties.transactionalProducer(common, transactionalID: "t"))
                .close(timeout: .seconds(5))
        )
        #expect(try LedgerReader(common).close(timeout: .seconds(5)))
        #expect(try Admin(common).close(timeout: .seconds(5)))
        #expect(LibrdKafka.version.split(separator: ".").count >= 3)
    }

    @Test func recordsDoNotShowWhatTheyCarry() {
        let consumed = ConsumedRecord(topic: "t", partition: 1, offset: 2, key: bytes("s3cret"), value: bytes("s3cret"))
        let outgoing = OutgoingRecord(topic: "t", partition: 1, key: bytes("s3cret"))
        #expect("\(consumed)" == "t/1/2")
        #expect("\(outgoing)" == "t/1")
        #expect("\(OutgoingRecord(topic: "t"))" == "t/*")
    }

    @Test func anErrorSaysWhatWasTriedAndItsCode() {
        let error = KafkaError("commit", .transport)
        #expect(error.name == "_TRANSPORT")
        #expect("\(error)" == "commit: _TRANSPORT: Local: Broker transport failure")
        #expect(error.isTransient && !error.isFatal && !error.isFencing)
        for code in [
            KafkaError.Code.illegalGeneration, .unknownMemberID, .fencedInstanceID, .producerFenced,
            .invalidProducerEpoch,
        ] {
            #expect(KafkaError("commit", code).isFencing)
        }
        #expect(!KafkaError("commit", .unknownTopicOrPartition).isFencing)
        #expect(KafkaError("commit", .fatal).isFatal)
    }

    @Test(arguments: [
        (Duration.zero, Int32(0)), (.milliseconds(-5), 0), (.microseconds(1), 1), (.milliseconds(1500), 1500),
        (.seconds(1_000_000_000), 2_000_000_000),
    ])
    func durationsBecomeWholeMilliseconds(duration: Duration, milliseconds: Int32) {
        #expect(duration.wholeMilliseconds == milliseconds)
    }

    @Test func groupMetadataIsReadFromItsSerialisedForm() throws {
        let generation = withUnsafeBytes(of: Int32(259)) { Array($0) }
        let parsed = try #require(
            GroupMetadata.parse(bytes("CGMDv2:") + generation + bytes("group\0member-1\0") + [1])
        )
        #expect(parsed == (259, "member-1"))
        let none = withUnsafeBytes(of: Int32(-1)) { Array($0) }
        #expect(try #require(GroupMetadata.parse(bytes("CGMDv2:") + none + bytes("group\0\0") + [1])) == (-1, ""))
        #expect(GroupMetadata.parse(bytes("CGMDv9:") + generation + bytes("group\0member-1\0")) == nil)
        #expect(GroupMetadata.parse(bytes("CGMDv2:")) == nil)
        #expect(GroupMetadata.parse([]) == nil)
    }

    @Test func statisticsAreReadAndWhatIsUnknownIsNil() throws {
        let text = """
            {"ts":7000001,"replyq":4,"brokers":{
              "b:9092/1":{"nodeid":1,"state":"UP","rxidle":12,"outbuf_cnt":2,"req_timeouts":3,
                "rtt":{"avg":900,"p99":4100},"throttle":{"avg":7,"p99":9}},
              "b:9092/bootstrap":{"nodeid":-1,"state":"INIT","rxidle":-1},
              "GroupCoordinator":{"nodeid":1,"state":"UP","rxidle":2500000,"outbuf_cnt":1,"req_timeouts":1,
                "rtt":{"avg":700,"p99":800},"throttle":{"avg":0,"p99":0}}},
             "topics":{"t":{"partitions":{
              "0":{"partition":0,"broker":1,"desired":true,"hi_offset":7,"fetchq_cnt":3},
              "1":{"partition":1,"broker":1,"desired":false,"hi_offset":9,"fetchq_cnt":0},
              "2":{"partition":2,"broker":-1,"desired":true,"hi_offset":-1001,"fetchq_cnt":0},
              "-1":{"partition":-1,"broker":-1,"desired":false,"hi_offset":-1001,"fetchq_cnt":0}}}},
             "cgrp":{"join_state":"steady","rebalance_cnt":5}}
            """
        let statistics = try #require(ConsumerStatistics(json: text))
        var client = ClientStatistics()
        client.connectedBrokers = 1
        client.roundTrip = .microseconds(4100)
        client.throttle = .milliseconds(7)
        client.waitingRequests = 3
        client.timedOutRequests = 4
        client.queuedRecords = 3
        #expect(
            statistics
                == ConsumerStatistics(
                    sampledAt: .microseconds(7_000_001),
                    coordinatorSilence: .milliseconds(2500),
                    coordinatorState: "UP",
                    joinState: "steady",
                    rebalances: 5,
                    client: client,
                    brokers: [.init(name: "b:9092/1", state: "UP")],
                    partitions: [
                        .init(topicPartition: TopicPartition("t", 0), broker: 1, highWatermark: 7, queuedRecords: 3),
                        .init(topicPartition: TopicPartition("t", 2), highWatermark: nil, queuedRecords: 0),
                    ]
                )
        )
        #expect(try #require(ConsumerStatistics(json: "{}")) == ConsumerStatistics())
        #expect(ConsumerStatistics(json: "[") == nil)
        var producer = client
        producer.queuedRecords = 9
        let ofProducer = text.replacing("\"replyq\":4", with: "\"msg_cnt\":9")
        #expect(try #require(ClientStatistics(json: ofProducer)) == producer)
        #expect(try #require(ClientStatistics(json: "{}")) == ClientStatistics())
        #expect(ClientStatistics(json: "[") == nil)
    }

    /// The partitions share a queue: were its bounds below what one answer brings, an answer a second would be all that is read.
    @Test func readingAheadHasRoomForMoreThanOneAnswer() throws {
        let ahead = common.readingAhead.passThrough
        let answer = try #require(ahead["fetch.max.bytes"].flatMap { Int($0) })
        let bytes = try #require(ahead["queued.max.messages.kbytes"].flatMap { Int($0) }) * 1_024
        let records = try #require(ahead["queued.min.messages"].flatMap { Int($0) })
        #expect(bytes >= 8 * answer && bytes <= 16 * 1_024 * 1_024)
        // A result has 600 bytes and more, headers included.
        #expect(records >= 2 * answer / 600)
        #expect(ahead["sasl.password"] == "s3cret")
        var own = common
        own.passThrough["queued.min.messages"] = "7"
        #expect(own.readingAhead.passThrough["queued.min.messages"] == "7")
    }

    /// As the assignor of the group's leader writes it: a version, topics, their partitions, and data of its own.
    @Test func whatAMemberHasIsRead() {
        let topic: [UInt8] = [0, 1, UInt8(ascii: "c"), 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 1, 0]
        let assignment: [UInt8] = [0, 1, 0, 0, 0, 2] + topic + [0, 1, UInt8(ascii: "d"), 0, 0, 0, 0] + [0, 0, 0, 0]
        #expect(
            Admin.Member.partitions(inAssignment: assignment) == [TopicPartition("c", 3), TopicPartition("c", 256)]
        )
        #expect(Admin.Member.partitions(inAssignment: []) == [])
        // What is cut short, or says that it has more than there is, is nobody's.
        for count in 0..<(assignment.count - 4) {
            #expect(Admin.Member.partitions(inAssignment: Array(assignment.prefix(count))) == [])
        }
        #expect(Admin.Member.partitions(inAssignment: [0, 1, 0xff, 0xff, 0xff, 0xff]) == [])
        #expect(
            Admin.Member.partitions(inAssignment: [0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]) == []
        )
    }

    @Test func aSubscriptionIsRead() {
        let subscription: [UInt8] = [0, 1, 0, 0, 0, 1, 0, 1, UInt8(ascii: "c"), 0xff, 0xff, 0xff, 0xff]
        #expect(Admin.Member.topics(inSubscription: subscription) == ["c"])
        #expect(Admin.Member.topics(inSubscription: Array(subscription.prefix(8))) == [])
    }
}
