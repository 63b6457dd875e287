/// What a group consumer has to tell, in the order in which it happened.
package enum ConsumerEvent: Equatable, Sendable {
    /// Records, in offset order within each partition.
    ///
    /// Pauses and rebalances repeat none; moving the partition does.
    case records([ConsumedRecord])
    /// The group gave these partitions to this member (perhaps none).
    ///
    /// They stand still until each is given its offset by ``GroupConsumer/resume(_:at:)``.
    case assigned([TopicPartition])
    /// The group wants these partitions back and waits until ``GroupConsumer/release(_:)`` has been told all of them.
    case revoked([TopicPartition])
    /// These partitions are somebody else's already.
    ///
    /// There is nothing to answer.
    case lost([TopicPartition])
    /// Every record before this offset has been handed out.
    ///
    /// In read_committed it also comes before an open transaction.
    case endOfPartition(TopicPartition, offset: Int64)
    case statistics(ConsumerStatistics)
    case log(ClientLog)
    /// The client's error; when it is fatal, all partitions are lost and a new consumer is needed.
    case error(KafkaError)
    /// One partition cannot be read, at this offset where that is known, where `from` was the next one to be read; the others go on.
    ///
    /// Of a batch that cannot be unpacked (``KafkaError/isUndecodable``) the offset is that of its first record, wherever in it the
    /// partition stands; librdkafka tries again, and says so, several times a second, until the partition is moved beyond or paused.
    /// Of an offset that is gone it stops.
    case partitionError(TopicPartition, offset: Int64?, from: Int64, KafkaError)
}
