/// A header of a Kafka record.
///
/// The value is bytes or null; a name may occur more than once.
package struct Header: Hashable, Sendable {
    package var name: String
    package var value: [UInt8]?

    package init(name: String, value: [UInt8]?) {
        self.name = name
        self.value = value
    }

    package init(name: String, text: String) {
        self.init(name: name, value: Array(text.utf8))
    }

    /// Bytes of memory that it takes, about.
    package var bytes: Int { 64 + size }

    /// The bytes that it adds to a record, framing aside.
    var size: Int { name.utf8.count + (value?.count ?? 0) }
}

/// Chooses the headers of a command that its result carries on: what a request–reply client and a tracer need.
///
/// Never changes a byte of a header: one is kept whole or dropped.
package enum EchoHeaders {
    /// Bytes of names and values together.
    ///
    /// A header may be as large as the broker's limit for a record; echoed without a bound, it would let a command make
    /// its own result too large to publish.
    package static let maximumBytes = 8192

    /// The names that are kept, the most important first: when room is short, the last go first.
    package static let names = ["kafka_correlationId", "correlation_id", "traceparent", "tracestate"]

    /// The kept headers in the order of the record.
    package static func select(from headers: [Header]) -> [Header] {
        if headers.allSatisfy({ names.contains($0.name) }), headers.reduce(0, { $0 + $1.size }) <= maximumBytes {
            return headers
        }
        var room = maximumBytes
        var kept: [Int] = []
        for name in names {
            for (index, header) in headers.enumerated() where header.name == name && header.size <= room {
                room -= header.size
                kept.append(index)
            }
        }
        return kept.sorted().map { headers[$0] }
    }
}
