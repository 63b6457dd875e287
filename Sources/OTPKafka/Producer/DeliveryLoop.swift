import CRdKafka
import OTPContract

/// A thread that serves one producer's queue and nothing else: a transaction's commit waits for it.
///
/// It hands delivery reports and other events on, in batches, and decides nothing.
final class DeliveryLoop: Sendable {
    /// Handed on together at the most; the last event's may go beyond.
    private static let maximumReports = 1_000

    private let handle: ClientHandle
    private let thread: OwnThread
    private let stopping: Monitor<Bool>

    init(
        _ handle: ClientHandle,
        onReports: @escaping @Sendable ([DeliveryReport]) -> Void,
        onEvent: @escaping @Sendable (ClientEvent) -> Void
    ) {
        let stopping = Monitor(false)
        self.handle = handle
        self.stopping = stopping
        thread = OwnThread {
            while !stopping.withLock({ $0 }) { Self.serve(handle, waiting: 500, onReports, onEvent) }
            // What is left is served before the client goes, so that every record is accounted for.
            while Self.serve(handle, waiting: 0, onReports, onEvent) {}
        }
    }

    /// False when a handler has not returned in time.
    func stop(until deadline: Deadline) -> Bool {
        stopping.update { $0 = true }
        handle.wake()
        return thread.join(until: deadline)
    }

    /// Serves what there is, once there is something: reports that have come together are handed on together.
    /// - Returns: whether there was anything in so many milliseconds.
    @discardableResult
    private static func serve(
        _ handle: ClientHandle,
        waiting milliseconds: Int32,
        _ onReports: ([DeliveryReport]) -> Void,
        _ onEvent: (ClientEvent) -> Void
    ) -> Bool {
        var reports: [DeliveryReport] = []
        var wait = milliseconds
        var isEmpty = true
        while reports.count < maximumReports, let event = handle.poll(milliseconds: wait) {
            (wait, isEmpty) = (0, false)
            switch event.kind {
            case .deliveryReports: append(event, to: &reports)
            case .error: onEvent(.error(event.error("producer")))
            case .log: if let log = event.log() { onEvent(.log(log)) }
            case .statistics: onEvent(.statistics(json: event.statistics()))
            case .records, .rebalance, .other: break
            }
        }
        if !reports.isEmpty { onReports(reports) }
        return !isEmpty
    }

    private static func append(_ event: borrowing Event, to reports: inout [DeliveryReport]) {
        event.forEachMessage { message in
            let outcome: Result<Int64?, KafkaError> =
                if let error = message.error("produce") {
                    .failure(error)
                } else {
                    .success(message.offset < 0 ? nil : message.offset)
                }
            let partition = message.partition < 0 ? nil : message.partition
            reports.append(DeliveryReport(tag: message.tag, outcome: outcome, partition: partition))
        }
    }
}

extension ClientHandle {
    /// The events of a producer's queue.
    static let producerEvents = RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG | RD_KAFKA_EVENT_STATS

    /// Copies the record into the client's queue.
    func produce(_ record: OutgoingRecord, tag: UInt64) throws(KafkaError) {
        let response = unsafe try use("produce") { client throws(KafkaError) in
            let headers = unsafe Self.headers(record)
            let response = unsafe Self.withBytes(record.key) { key, keyLength in
                unsafe Self.withBytes(record.value) { value, valueLength in
                    unsafe crdkafka_produce(
                        client,
                        record.topic,
                        record.partition ?? -1,
                        key,
                        keyLength,
                        value,
                        valueLength,
                        headers,
                        record.timestamp ?? 0,
                        UnsafeMutableRawPointer(bitPattern: UInt(tag))
                    )
                }
            }
            if response != RD_KAFKA_RESP_ERR_NO_ERROR, let headers = unsafe headers {
                unsafe rd_kafka_headers_destroy(headers)
            }
            return response
        }
        guard let error = KafkaError("produce", response) else { return }
        throw error.code == .fatal ? fatalError("produce") ?? error : error
    }

    private static func headers(_ record: OutgoingRecord) -> OpaquePointer? {
        guard !record.headers.isEmpty, let list = unsafe rd_kafka_headers_new(record.headers.count) else { return nil }
        for header in record.headers {
            unsafe withBytes(header.value) { value, length in
                unsafe crdkafka_add_header(list, header.name, value, length)
            }
        }
        return unsafe list
    }

    /// The address and count of bytes; a count below zero for none.
    private static func withBytes<Result>(_ bytes: [UInt8]?, _ body: (UnsafeRawPointer?, Int64) -> Result) -> Result {
        guard let bytes else { return body(nil, -1) }
        return unsafe bytes.withUnsafeBytes { unsafe body($0.baseAddress, Int64($0.count)) }
    }
}
