import CRdKafka

/// Finds partitions in which an open transaction keeps committed readers from what lies behind it.
///
/// It belongs to no group and writes nothing. Its calls block; one thread uses it.
package final class OpenTransactions {
    /// A partition that is held.
    package struct Hold: Equatable, Sendable {
        package var topicPartition: TopicPartition
        /// The first offset of the oldest open transaction: committed readers come no further.
        package var offset: Int64
        /// The partition's true end.
        package var end: Int64
        /// When the record there was written, in milliseconds since 1970; nil when that cannot be told.
        package var since: Int64?

        package init(topicPartition: TopicPartition, offset: Int64, end: Int64, since: Int64?) {
            self.topicPartition = topicPartition
            self.offset = offset
            self.end = end
            self.since = since
        }
    }

    private let committed: ClientHandle
    private let all: ClientHandle

    package init(_ common: ClientProperties.Common) throws(KafkaError) {
        committed = try ClientHandle(.simpleConsumer, ClientProperties.reader(common), events: 0)
        all = try ClientHandle(
            .simpleConsumer,
            ClientProperties.reader(common, isolation: .readUncommitted),
            events: 0
        )
    }

    /// Those of the partitions whose stable end did not move for a while, although they do not end there.
    ///
    /// - Parameters:
    ///   - topicPartitions: what is looked at.
    ///   - patience: how long a transaction may be open before it counts; those of workers last some hundredths of a second.
    ///   - timeout: for all questions together, the patience aside.
    /// - Returns: the partitions in the order of `topicPartitions`.
    /// - Throws: what kept it from asking.
    package func holds(
        in topicPartitions: [TopicPartition],
        openFor patience: Duration,
        timeout: Duration
    ) throws(KafkaError) -> [Hold] {
        let deadline = Deadline(in: timeout + patience)
        var suspects: [Hold] = []
        for topicPartition in topicPartitions {
            if let hold = try hold(in: topicPartition, deadline) { suspects.append(hold) }
        }
        guard !suspects.isEmpty else { return [] }
        committed.waitForClosing(until: Deadline(in: patience))
        var holds: [Hold] = []
        for suspect in suspects {
            guard var hold = try hold(in: suspect.topicPartition, deadline), hold.offset == suspect.offset else {
                continue
            }
            hold.since = try? time(of: hold)
            holds.append(hold)
        }
        return holds
    }

    private func hold(in topicPartition: TopicPartition, _ deadline: Deadline) throws(KafkaError) -> Hold? {
        let stable = try committed.watermarks(topicPartition, until: deadline)
        let whole = try all.watermarks(topicPartition, until: deadline)
        guard stable.high < whole.high else { return nil }
        return Hold(topicPartition: topicPartition, offset: stable.high, end: whole.high, since: nil)
    }

    private func time(of hold: Hold) throws(KafkaError) -> Int64? {
        let reader = try SimpleConsumer(
            all,
            topic: hold.topicPartition.topic,
            from: [hold.topicPartition.partition: hold.offset]
        )
        let deadline = Deadline(in: .seconds(2))
        while !deadline.hasPassed {
            for case .record(let record) in try reader.next(until: deadline, maximum: 1) { return record.timestamp }
        }
        return nil
    }

    package func close() {
        _ = committed.destroy(within: .seconds(2))
        _ = all.destroy(within: .seconds(2))
    }
}
