/// Builds the properties of each kind of client: what the design fixes, with what the user passes through to
/// librdkafka.
///
/// It refuses a property that the design owns, and never repeats a value.
package enum ClientProperties {
    /// What all clients of a process share.
    package struct Common: Sendable {
        /// Comma-separated `host:port`.
        package var bootstrapServers: String
        package var clientID: String
        /// librdkafka properties from the configuration, such as `security.protocol`.
        package var passThrough: [String: String]

        package init(bootstrapServers: String, clientID: String = "otp-worker", passThrough: [String: String] = [:]) {
            self.bootstrapServers = bootstrapServers
            self.clientID = clientID
            self.passThrough = passThrough
        }
    }

    /// A member of the group that reads commands.
    ///
    /// A user waits: after a crash the partitions must move in seconds, and in a rebalance each member learns of it with its next
    /// heartbeat.
    package static func consumer(
        _ common: Common,
        groupID: String,
        instanceID: String? = nil,
        sessionTimeout: Duration = .seconds(6),
        statisticsInterval: Duration = .seconds(1)
    ) throws(KafkaError) -> [String: String] {
        let session = sessionTimeout.wholeMilliseconds
        var fixed = [
            "group.id": groupID,
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": "\(session)",
            "heartbeat.interval.ms": "\(min(500, session / 3))",
            "enable.auto.commit": "false",
            "enable.auto.offset.store": "false",
            "isolation.level": "read_committed",
            // A lost offset is an incident, not a silent jump.
            "auto.offset.reset": "error",
            "enable.partition.eof": "true",
            // A producer's bound, which would raise that of a fetch.
            "message.max.bytes": "\(fetchBytes)",
            // The coordinator's silence is read from the statistics.
            "statistics.interval.ms": "\(statisticsInterval.wholeMilliseconds)",
        ]
        fixed["group.instance.id"] = instanceID
        // Whatever is queued when a rebalance comes is fetched again.
        let defaults = [
            "max.poll.interval.ms": "\(max(300_000, session))",
            "queued.min.messages": "\(queuedRecords)",
            "queued.max.messages.kbytes": "8192",
            // A fetch is unpacked as a whole, and zeros shrink to a ten-thousandth: this bounds memory, not these bytes. A batch that
            // is larger comes all the same, alone.
            "fetch.max.bytes": "\(fetchBytes)",
            "fetch.message.max.bytes": "\(fetchBytes)",
            "fetch.wait.max.ms": "100",
            "fetch.error.backoff.ms": "100",
            // One that was deposed may still answer.
            "coordinator.query.interval.ms": "10000",
        ]
        return try merge(common, fixed: fixed, defaults: defaults)
    }

    /// Bytes of one fetch of commands, as they are in the log.
    private static let fetchBytes = 16_384
    /// Records that are queued before no more are asked for.
    ///
    /// librdkafka counts neither keys nor headers among `queued.max.messages.kbytes`.
    static let queuedRecords = 100

    /// A producer that writes each record once and in order, for records that are acknowledged on their own.
    ///
    /// `batchSize`: see ``transactionalProducer(_:transactionalID:transactionTimeout:batchSize:)``.
    package static func idempotentProducer(
        _ common: Common,
        batchSize: Int = defaultBatchSize
    ) throws(KafkaError) -> [String: String] {
        try merge(
            common,
            fixed: producer(batchSize),
            // Commands come in groups, and so do their intents: there is nothing to linger for.
            defaults: producerDefaults.merging(["message.timeout.ms": "30000"]) { $1 }
        )
    }

    /// A producer that writes records and offsets together.
    ///
    /// `transactionalID` is stable per worker slot and never shared by two workers. `batchSize`, in bytes, is what is sent together
    /// to one partition: below the `max.message.bytes` of every topic that is written to, since that is a limit of batches.
    package static func transactionalProducer(
        _ common: Common,
        transactionalID: String,
        transactionTimeout: Duration = .seconds(10),
        batchSize: Int = defaultBatchSize
    ) throws(KafkaError) -> [String: String] {
        let timeout = transactionTimeout.wholeMilliseconds
        let fixed = producer(batchSize).merging(
            [
                "transactional.id": transactionalID,
                // The default of a minute blocks every read_committed reader that long after a crash.
                "transaction.timeout.ms": "\(timeout)",
                "message.timeout.ms": "\(timeout)",
            ]) { $1 }
        return try merge(common, fixed: fixed, defaults: producerDefaults)
    }

    /// A client that reads partitions by number, without a group.
    package static func reader(
        _ common: Common,
        isolation: Isolation = .readCommitted
    ) throws(KafkaError) -> [String: String] {
        try merge(
            common,
            fixed: [
                "isolation.level": isolation.rawValue,
                "enable.auto.commit": "false",
                "enable.auto.offset.store": "false",
                "enable.partition.eof": "true",
                // An offset that is no longer kept: reading more than asked for does no harm.
                "auto.offset.reset": "earliest",
                // Questions ask for a broker's answer, and librdkafka waits for that as long as this, whatever the caller's limit.
                "socket.timeout.ms": "10000",
            ],
            defaults: [
                "queued.min.messages": "20000", "queued.max.messages.kbytes": "16384", "fetch.wait.max.ms": "50",
                "fetch.error.backoff.ms": "100",
            ]
        )
    }

    /// A client that asks and changes what topics there are.
    package static func admin(_ common: Common) throws(KafkaError) -> [String: String] {
        try merge(common, fixed: [:], defaults: [:])
    }

    /// What a reader sees of transactions.
    package enum Isolation: String, Sendable {
        case readCommitted = "read_committed"
        case readUncommitted = "read_uncommitted"
    }

    /// Bytes: far below every limit that a topic is likely to have, and full batches are still cheap.
    package static let defaultBatchSize = 65_536

    private static func producer(_ batchSize: Int) -> [String: String] {
        [
            "enable.idempotence": "true",
            "acks": "all",
            "batch.size": "\(batchSize)",
            // Java's default; librdkafka's own puts a key elsewhere.
            "partitioner": "murmur2_random",
            // For the metrics alone, so seldom.
            "statistics.interval.ms": "5000",
        ]
    }

    private static let producerDefaults = [
        "linger.ms": "0",
        "retry.backoff.ms": "20",
        "queue.buffering.max.messages": "20000",
        "queue.buffering.max.kbytes": "32768",
    ]

    private static let everywhere = [
        "socket.nagle.disable": "true", "log.connection.close": "false",
        // Partitions that are added, leaders that have moved and topics that were refused once are seen within this time; what
        // was learnt counts for three times as long.
        "topic.metadata.refresh.interval.ms": "5000",
    ]

    /// Owned whatever the client, under every name that librdkafka knows for it.
    private static let owned: Set<String> = [
        "bootstrap.servers", "metadata.broker.list", "client.id", "client.rack",
        "group.id", "group.instance.id", "partition.assignment.strategy", "session.timeout.ms", "heartbeat.interval.ms",
        "enable.auto.commit", "auto.commit.enable", "enable.auto.offset.store", "isolation.level", "auto.offset.reset",
        "enable.partition.eof", "allow.auto.create.topics", "statistics.interval.ms",
        "transactional.id", "transaction.timeout.ms", "message.timeout.ms", "delivery.timeout.ms",
        "enable.idempotence", "enable.gapless.guarantee", "acks", "request.required.acks", "partitioner",
        "batch.size", "max.in.flight", "max.in.flight.requests.per.connection", "retries", "message.send.max.retries",
        "log.queue", "test.mock.num.brokers", "plugin.library.paths", "group.protocol", "group.remote.assignor",
        // Each would leave the worker without a word that it waits for: acknowledgements, records, offsets, versions.
        "delivery.report.only.error", "topic.blacklist", "offset.store.method", "api.version.request",
        "queuing.strategy",
    ]

    private static func merge(
        _ common: Common,
        fixed: [String: String],
        defaults: [String: String]
    ) throws(KafkaError) -> [String: String] {
        for name in common.passThrough.keys.sorted() where owned.contains(name) {
            throw KafkaError(
                "configure",
                .invalidArgument,
                reason: "property \(name) is set by the worker itself and cannot be passed through"
            )
        }
        var properties = everywhere.merging(defaults) { $1 }.merging(common.passThrough) { $1 }.merging(fixed) { $1 }
        properties["bootstrap.servers"] = common.bootstrapServers
        properties["client.id"] = common.clientID
        return properties
    }
}
