import CRdKafka
import OTPContract

/// A message borrowed from librdkafka for the time of one call; whatever is kept is copied out.
///
/// It never frees it.
@safe
struct Message: ~Copyable {
    private let message: UnsafePointer<rd_kafka_message_t>

    init(_ message: UnsafePointer<rd_kafka_message_t>) {
        unsafe self.message = message
    }

    var response: rd_kafka_resp_err_t { unsafe message.pointee.err }
    var partition: Int32 { unsafe message.pointee.partition }
    var offset: Int64 { unsafe message.pointee.offset }
    /// What the producer attached to it.
    var tag: UInt64 { unsafe UInt64(UInt(bitPattern: message.pointee._private)) }

    /// The error that stands in this message's place.
    ///
    /// Not for delivery reports: there the C text is the payload.
    borrowing func error(_ operation: String) -> KafkaError? {
        KafkaError(operation, response)
    }

    /// Copies what is selected of the record.
    ///
    /// `topics` is asked for the topic's name, so that records of one topic share one string.
    borrowing func record(
        _ topics: inout TopicNames,
        _ selection: RecordSelection = .everything
    ) -> ConsumedRecord {
        var kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
        let time = unsafe rd_kafka_message_timestamp(message, &kind)
        let (keySize, valueSize) = unsafe (message.pointee.key_len, message.pointee.len)
        let isValueKept = valueSize <= selection.maximumValueBytes
        return unsafe ConsumedRecord(
            topic: topics.name(of: message.pointee.rkt),
            partition: message.pointee.partition,
            offset: message.pointee.offset,
            timestamp: kind == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? nil : time,
            key: Self.bytes(message.pointee.key, min(keySize, selection.maximumKeyBytes)),
            value: isValueKept ? Self.bytes(message.pointee.payload, valueSize) : nil,
            headers: headers(selection.headers),
            keySize: keySize,
            valueSize: valueSize
        )
    }

    private borrowing func headers(_ selection: HeaderSelection?) -> [Header] {
        // To be asked for them, librdkafka would read them all.
        if let selection, selection.rules.isEmpty { return [] }
        var list: OpaquePointer?
        guard unsafe rd_kafka_message_headers(message, &list) == RD_KAFKA_RESP_ERR_NO_ERROR, let list = unsafe list
        else {
            return []
        }
        return unsafe selection.map { unsafe Self.headers(list, $0) } ?? Self.allHeaders(list)
    }

    private static func headers(_ list: OpaquePointer, _ selection: HeaderSelection) -> [Header] {
        // There may be many: they are gone through once, and only those that count are copied.
        var indices = [Int?](repeating: nil, count: selection.rules.count)
        var name: UnsafePointer<CChar>?
        var value: UnsafeRawPointer?
        var size = 0
        for index in 0..<(unsafe rd_kafka_header_cnt(list)) {
            _ = unsafe rd_kafka_header_get_all(list, index, &name, &value, &size)
            guard let name = unsafe name, let rule = unsafe selection.rule(named: name) else { continue }
            if selection.rules[rule].occurrence == .last || indices[rule] == nil { indices[rule] = index }
        }
        return indices.enumerated().compactMap { rule, index in
            guard let index else { return nil }
            _ = unsafe rd_kafka_header_get_all(list, index, &name, &value, &size)
            let rule = selection.rules[rule]
            return rule.bytesKept(of: size).map { unsafe Header(name: rule.name, value: bytes(value, $0)) }
        }
    }

    private static func allHeaders(_ list: OpaquePointer) -> [Header] {
        var headers: [Header] = []
        headers.reserveCapacity(unsafe rd_kafka_header_cnt(list))
        var name: UnsafePointer<CChar>?
        var value: UnsafeRawPointer?
        var size = 0
        while unsafe rd_kafka_header_get_all(list, headers.count, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR,
            let text = unsafe name
        {
            unsafe headers.append(Header(name: String(cString: text), value: bytes(value, size)))
        }
        return headers
    }

    private static func bytes(_ start: UnsafeRawPointer?, _ count: Int) -> [UInt8]? {
        guard let start = unsafe start else { return nil }
        return unsafe [UInt8](UnsafeRawBufferPointer(start: start, count: count))
    }
}

extension HeaderSelection {
    /// The index of the rule for headers of this name, given as C text.
    fileprivate func rule(named name: UnsafePointer<CChar>) -> Int? {
        rules.firstIndex { rule in
            guard rule.name.utf8.first == UInt8(bitPattern: unsafe name.pointee) || rule.isOfAnyCase else {
                return false
            }
            return unsafe rule.name.withCString {
                unsafe rule.isOfAnyCase ? crdkafka_is_same_name($0, name) : crdkafka_is_same_text($0, name)
            }
        }
    }
}

/// Remembers the last topic's name, since records mostly come in runs of one topic.
struct TopicNames {
    private var last = ""

    mutating func name(of topic: OpaquePointer?) -> String {
        guard let topic = unsafe topic, let name = unsafe rd_kafka_topic_name(topic) else { return "" }
        let isSame = unsafe last.withCString { unsafe crdkafka_is_same_text($0, name) }
        if !isSame { last = unsafe String(cString: name) }
        return last
    }
}
