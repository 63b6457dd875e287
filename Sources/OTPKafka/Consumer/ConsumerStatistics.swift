#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What a worker needs of librdkafka's statistics, which come once a second.
package struct ConsumerStatistics: Equatable, Sendable {
    /// When they were taken, on librdkafka's clock: the system's, which stands still while the machine sleeps; nil when not said.
    var sampledAt: Duration?
    /// How long before that the group coordinator last answered anything; nil before the first connection to it.
    ///
    /// Up to the heartbeat interval is normal.
    package var coordinatorSilence: Duration?
    /// State of the connection to the coordinator, such as `UP`; nil when none is known.
    package var coordinatorState: String?
    /// How far the member is in joining, such as `steady`.
    package var joinState: String
    /// Rebalances that this member has seen.
    package var rebalances: Int
    /// What is known of a client of any kind.
    package var client: ClientStatistics
    /// By name, without the coordinator's second entry.
    package var brokers: [Broker]
    package var partitions: [Partition]

    package struct Broker: Equatable, Sendable {
        package var name: String
        /// Such as `UP` or `CONNECT`.
        package var state: String

        package init(name: String, state: String) {
            self.name = name
            self.state = state
        }
    }

    package struct Partition: Equatable, Sendable {
        package var topicPartition: TopicPartition
        /// The number of the broker that it is fetched from; nil while there is none.
        package var broker: Int32?
        /// The partition's end as of the last fetch; nil before the first.
        package var highWatermark: Int64?
        /// Records queued for this partition.
        package var queuedRecords: Int

        package init(
            topicPartition: TopicPartition,
            broker: Int32? = nil,
            highWatermark: Int64?,
            queuedRecords: Int
        ) {
            self.topicPartition = topicPartition
            self.broker = broker
            self.highWatermark = highWatermark
            self.queuedRecords = queuedRecords
        }
    }

    package init(
        sampledAt: Duration? = nil,
        coordinatorSilence: Duration? = nil,
        coordinatorState: String? = nil,
        joinState: String = "",
        rebalances: Int = 0,
        client: ClientStatistics = ClientStatistics(),
        brokers: [Broker] = [],
        partitions: [Partition] = []
    ) {
        self.sampledAt = sampledAt
        self.coordinatorSilence = coordinatorSilence
        self.coordinatorState = coordinatorState
        self.joinState = joinState
        self.rebalances = rebalances
        self.client = client
        self.brokers = brokers
        self.partitions = partitions
    }

    /// How long the coordinator has been silent by now, as far as these statistics know; nil when they do not.
    ///
    /// They may have waited in queues, and through a sleep of the process.
    package func coordinatorSilenceByNow() -> Duration? {
        guard let sampledAt, let coordinatorSilence else { return nil }
        var now = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &now)
        let age = Duration.seconds(now.tv_sec) + .nanoseconds(now.tv_nsec) - sampledAt
        return coordinatorSilence + max(age, .zero)
    }

    /// Nil when the text is not librdkafka's statistics.
    init?(json: String) {
        guard let document = try? JSONDecoder().decode(Document.self, from: Data(json.utf8)) else { return nil }
        let coordinator = document.brokers?["GroupCoordinator"]
        sampledAt = document.ts.map { .microseconds($0) }
        coordinatorSilence = coordinator.flatMap { $0.rxidle < 0 ? nil : .microseconds($0.rxidle) }
        coordinatorState = coordinator?.state
        let queued = (document.topics ?? [:]).values.reduce(0) { sum, topic in
            (topic.partitions ?? [:]).values.reduce(sum) { $0 + $1.queued }
        }
        joinState = document.cgrp?.joinState ?? ""
        rebalances = document.cgrp?.rebalances ?? 0
        client = ClientStatistics(document.brokers ?? [:], queuedRecords: queued)
        brokers = (document.brokers ?? [:])
            .filter { $0.value.isBroker(named: $0.key) }
            .map { Broker(name: $0.key, state: $0.value.state) }
            .sorted { $0.name < $1.name }
        partitions = (document.topics ?? [:]).flatMap { topic, entry in
            (entry.partitions ?? [:]).values.filter { $0.partition >= 0 && $0.isWanted }.map {
                Partition(
                    topicPartition: TopicPartition(topic, $0.partition),
                    broker: $0.broker < 0 ? nil : $0.broker,
                    highWatermark: $0.high < 0 ? nil : $0.high,
                    queuedRecords: $0.queued
                )
            }
        }
        .sorted {
            ($0.topicPartition.topic, $0.topicPartition.partition) < (
                $1.topicPartition.topic, $1.topicPartition.partition
            )
        }
    }

    private struct Document: Decodable {
        var ts: Int64?
        var brokers: [String: ClientStatistics.Broker]?
        var topics: [String: TopicEntry]?
        var cgrp: GroupEntry?
    }

    private struct GroupEntry: Decodable {
        var joinState: String
        var rebalances: Int

        enum CodingKeys: String, CodingKey {
            case joinState = "join_state"
            case rebalances = "rebalance_cnt"
        }
    }

    private struct TopicEntry: Decodable {
        var partitions: [String: PartitionEntry]?
    }

    private struct PartitionEntry: Decodable {
        var partition: Int32
        var broker: Int32
        var isWanted: Bool
        var high: Int64
        var queued: Int

        enum CodingKeys: String, CodingKey {
            case partition, broker
            case isWanted = "desired"
            case high = "hi_offset"
            case queued = "fetchq_cnt"
        }
    }
}
