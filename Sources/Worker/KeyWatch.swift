import Contract
import Engine
import Kafka
import Observability
import Synchronization

/// Takes the census of the keys on the consumer's thread, a batch of records at a time, and tells what it finds.
final class KeyWatch: Sendable {
    private let census: Mutex<PartitionerDetector>
    private let murmur2: Counter
    private let crc32: Counter
    private let neither: Counter
    private let telemetry: Telemetry

    init(partitions: Int, registry: MetricRegistry, telemetry: Telemetry) {
        census = Mutex(PartitionerDetector(partitions: partitions))
        murmur2 = registry.counter(.commandKeys, "murmur2")
        crc32 = registry.counter(.commandKeys, "crc32")
        neither = registry.counter(.commandKeys, "neither")
        self.telemetry = telemetry
    }

    func grew(to partitions: Int) { census.withLock { $0.grew(to: partitions) } }

    func count(_ records: [ConsumedRecord]) {
        let (counts, mix) = census.withLock { census in
            for record in records { census.count(record) }
            return (census.records, census.judge(at: Clocks.now()))
        }
        murmur2.set(total: Double(counts.murmur2))
        crc32.set(total: Double(counts.crc32))
        neither.set(total: Double(counts.neither))
        if let mix { telemetry.keysMixed(mix) }
    }

    func render(_ json: inout JSONWriter) {
        let (counts, isMixed) = census.withLock { ($0.records, $0.isMixed(at: Clocks.now())) }
        json.beginObject()
        for (name, count) in [("murmur2", counts.murmur2), ("crc32", counts.crc32), ("neither", counts.neither)] {
            json.key(name)
            json.integer(count)
        }
        json.key("mixed")
        json.bool(isMixed)
        json.endObject()
    }
}
