import CRdKafka

/// Reads partitions by number into one queue, with no group and nothing committed: the owner of what is being read.
///
/// It uses librdkafka's simple consumer, whose batches cost a fifth of what events do.
@safe
final class SimpleConsumer: @unchecked Sendable {
    // Safe because only the one thread that reads uses it, and it ends with its last reference.
    private let handle: ClientHandle
    private let queue: OpaquePointer
    private let topic: OpaquePointer
    private let selection: RecordSelection
    private(set) var partitions: [Int32] = []
    private var names = TopicNames()

    /// What came of a partition's queue.
    enum Item {
        case record(ConsumedRecord)
        case end(partition: Int32, offset: Int64)
        /// `offset` is where the partition cannot be read, if the failure is about that.
        case failure(partition: Int32, offset: Int64, KafkaError)
    }

    /// Starts reading each partition at its offset.
    init(
        _ handle: ClientHandle,
        topic name: String,
        from offsets: [Int32: Int64],
        _ selection: RecordSelection = .everything
    ) throws(KafkaError) {
        let made = unsafe try handle.use("read") { client throws(KafkaError) in
            guard let queue = unsafe rd_kafka_queue_new(client) else { throw KafkaError("read", .state) }
            guard let topic = unsafe rd_kafka_topic_new(client, name, nil) else {
                unsafe rd_kafka_queue_destroy(queue)
                throw KafkaError("read", .invalidArgument, reason: "\(name) cannot be a topic")
            }
            return unsafe (Transferred(queue), Transferred(topic))
        }
        self.handle = handle
        self.selection = selection
        unsafe queue = made.0.pointer
        unsafe topic = made.1.pointer
        for (partition, offset) in offsets { try start(partition, at: offset) }
    }

    /// Starts reading one more partition, from its beginning.
    func add(_ partition: Int32) throws(KafkaError) { try start(partition, at: Int64(RD_KAFKA_OFFSET_BEGINNING)) }

    private func start(_ partition: Int32, at offset: Int64) throws(KafkaError) {
        guard unsafe rd_kafka_consume_start_queue(topic, partition, offset, queue) == 0 else {
            throw KafkaError("read", KafkaError.Code(rawValue: rd_kafka_last_error().rawValue))
        }
        partitions.append(partition)
    }

    deinit {
        for partition in partitions { unsafe rd_kafka_consume_stop(topic, partition) }
        unsafe rd_kafka_topic_destroy(topic)
        unsafe rd_kafka_queue_destroy(queue)
    }

    /// Waits for the first item, then takes what is there without waiting, up to `maximum`.
    func next(until deadline: Deadline, maximum: Int) throws(KafkaError) -> [Item] {
        unsafe try handle.use("read") { _ in
            // A batch waits its whole time-out unless it is full, so only one message is waited for.
            guard let first = unsafe rd_kafka_consume_queue(queue, deadline.milliseconds(atMost: .milliseconds(500)))
            else { return [] }
            var items = [unsafe item(of: first)]
            var batch = unsafe [UnsafeMutablePointer<rd_kafka_message_t>?](repeating: nil, count: max(0, maximum - 1))
            let count = unsafe rd_kafka_consume_batch_queue(queue, 0, &batch, batch.count)
            items.reserveCapacity(1 + max(0, count))
            for index in 0..<max(0, count) {
                if let message = unsafe batch[index] { items.append(unsafe item(of: message)) }
            }
            return items
        }
    }

    private func item(of message: UnsafeMutablePointer<rd_kafka_message_t>) -> Item {
        defer { unsafe rd_kafka_message_destroy(message) }
        let partition = unsafe message.pointee.partition
        let view = unsafe Message(message)
        guard let error = view.error("read") else { return .record(view.record(&names, selection)) }
        return error.code == .partitionEnd
            ? .end(partition: partition, offset: view.offset)
            : .failure(partition: partition, offset: view.offset, error)
    }
}
