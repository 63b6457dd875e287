import CRdKafka
import OTPContract

/// A thread that serves one producer's queue and nothing else: a transaction's commit waits for it.
///
/// It hands delivery reports and other events on, in batches, and decides nothing.
final class DeliveryLoop: Sendable {
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
            while !stopping.withLock({ $0 }) {
                guard let event = handle.poll(milliseconds: 500) else { continue }
                Self.serve(event, onReports, onEvent)
            }
            // What is left is served before the client goes, so that every record is accounted for.
            while let event = handle.poll(milliseconds: 0) { Self.serve(event, onReports, onEvent) }
        }
    }

    /// False when a handler has not returned in time.
    func stop(until deadline: Deadline) -> Bool {
        stopping.update { $0 = true }
        handle.wake()
        return thread.join(until: deadline)
    }

    private static func serve(
        _ event: borrowing Event,
        _ onReports: ([DeliveryReport]) -> Void,
        _ onEvent: (ClientEvent) -> Void
    ) {
        switch event.kind {
        case .deliveryReports:
            var reports: [DeliveryReport] = []
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
            onReports(reports)
        case .error:
            onEvent(.error(event.error("producer")))
        case .log:
            if let log = event.log() { onEvent(.log(log)) }
        case .statistics: onEvent(.statistics(json: event.statistics()))
        case .records, .rebalance, .other:
            break
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
