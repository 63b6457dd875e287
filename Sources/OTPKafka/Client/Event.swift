import CRdKafka

/// The owner of one event taken from a client's queue.
///
/// What it holds is copied out; nothing borrowed outlives it.
@safe
struct Event: ~Copyable {
    private let event: OpaquePointer

    init(_ event: OpaquePointer) {
        unsafe self.event = event
    }

    deinit {
        unsafe rd_kafka_event_destroy(event)
    }

    enum Kind {
        case records, deliveryReports, error, rebalance, statistics, log, other
    }

    var kind: Kind {
        switch unsafe rd_kafka_event_type(event) {
        case RD_KAFKA_EVENT_FETCH: .records
        case RD_KAFKA_EVENT_DR: .deliveryReports
        case RD_KAFKA_EVENT_ERROR: .error
        case RD_KAFKA_EVENT_REBALANCE: .rebalance
        case RD_KAFKA_EVENT_STATS: .statistics
        case RD_KAFKA_EVENT_LOG: .log
        default: .other
        }
    }

    /// Calls the body for each message; its bytes are valid only during the call.
    borrowing func forEachMessage(_ body: (borrowing Message) -> Void) {
        while let message = unsafe rd_kafka_event_message_next(event) {
            unsafe body(Message(message))
        }
    }

    var response: rd_kafka_resp_err_t { unsafe rd_kafka_event_error(event) }

    /// The error of an error event, with the partition it is about, if it is about one.
    borrowing func error(_ operation: String) -> KafkaError {
        KafkaError(
            operation,
            KafkaError.Code(rawValue: response.rawValue),
            reason: unsafe rd_kafka_event_error_string(event).map { unsafe String(cString: $0) },
            isFatal: unsafe rd_kafka_event_error_is_fatal(event) != 0
        )
    }

    /// The partition an error event is about, and the offset it names.
    borrowing func errorPosition() -> (TopicPartition, offset: Int64)? {
        guard let position = unsafe rd_kafka_event_topic_partition(event) else { return nil }
        defer { unsafe rd_kafka_topic_partition_destroy(position) }
        let topic = unsafe String(cString: position.pointee.topic)
        return unsafe (TopicPartition(topic, position.pointee.partition), position.pointee.offset)
    }

    /// The partitions of a rebalance event.
    borrowing func partitions() -> [TopicPartition] {
        // The list belongs to the event.
        guard let list = unsafe rd_kafka_event_topic_partition_list(event) else { return [] }
        return unsafe PartitionList.partitions(of: list)
    }

    /// The JSON text of a statistics event.
    borrowing func statistics() -> String {
        unsafe rd_kafka_event_stats(event).map { unsafe String(cString: $0) } ?? ""
    }

    borrowing func log() -> ClientLog? {
        var facility: UnsafePointer<CChar>?
        var text: UnsafePointer<CChar>?
        var level: Int32 = 0
        guard unsafe rd_kafka_event_log(event, &facility, &text, &level) == 0, let facility = unsafe facility,
            let text = unsafe text
        else { return nil }
        return unsafe ClientLog(level: level, facility: String(cString: facility), text: String(cString: text))
    }

    /// The result of an admin call, for as long as the event lives.
    borrowing func withPointer<Result>(
        _ body: (OpaquePointer) throws(KafkaError) -> Result
    ) throws(KafkaError) -> Result {
        try unsafe body(event)
    }
}

/// A line that librdkafka logged.
package struct ClientLog: Equatable, Sendable {
    /// As in syslog: 0 is an emergency, 7 is for debugging.
    package var level: Int32
    /// What part of the client speaks, such as `FAIL`.
    package var facility: String
    package var text: String

    package init(level: Int32, facility: String, text: String) {
        self.level = level
        self.facility = facility
        self.text = text
    }
}
