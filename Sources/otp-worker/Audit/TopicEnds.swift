import Dispatch
import OTPContract
import OTPKafka
import Synchronization

/// Where the partitions of topics begin and end, and where in them a moment lies.
struct TopicEnds {
    let reader: RangeReader
    /// How long asking for the ends of all may take, or waiting for their open transactions; nil gives each partition its own time.
    var limit: Duration?
    private static let timeout = Duration.seconds(30)

    func marks(_ topicPartitions: [TopicPartition]) throws -> [TopicPartition: Watermarks] {
        let end = end
        return try inParallel(topicPartitions) { try reader.highWatermark($0, timeout: Self.timeLeft(until: end)) }
    }

    private var end: ContinuousClock.Instant? { limit.map { .now + $0 } }

    private static func timeLeft(until end: ContinuousClock.Instant?) -> Duration {
        end.map { max(.milliseconds(100), $0 - .now) } ?? timeout
    }

    /// Waits until every transaction that had begun before these ends is decided, so that whatever belongs to it in other topics
    /// lies before *their* ends from now on.
    func waitForOpenTransactions(before marks: [TopicPartition: Watermarks]) throws {
        let end = end
        _ = try inParallel(Array(marks.keys)) { topicPartition in
            guard let mark = marks[topicPartition], mark.high > mark.low else { return }
            let timeLeft = Self.timeLeft(until: end)
            try reader.read(topicPartition, from: mark.high - 1, to: mark.high, timeout: timeLeft) { _ in }
        }
    }

    /// The time of the first record from `offset` on; nil when there is none.
    func time(_ topicPartition: TopicPartition, at offset: Int64, before end: Int64) throws(KafkaError) -> WallTime? {
        try first(topicPartition, from: offset, before: end).map { WallTime(milliseconds: $0.timestamp ?? 0) }
    }

    /// An offset before which every record is older than `moment`, but by less than a few hundred records.
    ///
    /// Records lie in the order of their times, nearly.
    func start(_ topicPartition: TopicPartition, _ marks: Watermarks, at moment: WallTime) throws(KafkaError) -> Int64 {
        try search(topicPartition, marks, moment).lowerBound
    }

    /// An offset from which on every record is from `moment` or later, as above.
    func end(_ topicPartition: TopicPartition, _ marks: Watermarks, at moment: WallTime) throws(KafkaError) -> Int64 {
        try search(topicPartition, marks, moment).upperBound
    }

    private func search(
        _ topicPartition: TopicPartition,
        _ marks: Watermarks,
        _ moment: WallTime
    ) throws(KafkaError) -> Range<Int64> {
        var (low, high) = (marks.low, marks.high)
        while high - low > 256 {
            let middle = low + (high - low) / 2
            if let record = try first(topicPartition, from: middle, before: high),
                record.timestamp ?? 0 < moment.milliseconds
            {
                low = record.offset + 1
            } else {
                high = middle
            }
        }
        return low..<max(low, high)
    }

    private func first(
        _ topicPartition: TopicPartition,
        from offset: Int64,
        before end: Int64
    ) throws(KafkaError) -> ConsumedRecord? {
        var record: ConsumedRecord?
        var position = offset
        // Markers and aborted records occupy offsets; a window at a time, so that no more than needed is read.
        while record == nil, position < end {
            position = try reader.read(topicPartition, from: position, to: position + 1, timeout: Self.timeout) {
                records in
                record = record ?? records.first
            }
        }
        return record.flatMap { $0.offset < end ? $0 : nil }
    }

    func inParallel<Value: Sendable>(
        _ topicPartitions: [TopicPartition],
        _ body: @Sendable (TopicPartition) throws -> Value
    ) throws -> [TopicPartition: Value] {
        let found = Mutex<[TopicPartition: Result<Value, any Error>]>([:])
        DispatchQueue.concurrentPerform(iterations: topicPartitions.count) { index in
            let result = Result { try body(topicPartitions[index]) }
            found.withLock { $0[topicPartitions[index]] = result }
        }
        return try found.withLock { $0 }.mapValues { try $0.get() }
    }
}
