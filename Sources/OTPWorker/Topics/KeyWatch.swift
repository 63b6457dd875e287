import OTPContract
import OTPEngine
import OTPKafka
import OTPObservability
import Synchronization

/// Looks at the keys on the consumer's thread, a batch of records at a time, and tells what it finds.
final class KeyWatch: Sendable {
    private let detector: Mutex<PartitionerDetector>
    private let murmur2: Counter
    private let crc32: Counter
    private let neither: Counter
    private let telemetry: Telemetry

    init(partitions: Int, registry: MetricRegistry, telemetry: Telemetry) {
        detector = Mutex(PartitionerDetector(partitions: partitions))
        murmur2 = registry.counter(.commandKeys, "murmur2")
        crc32 = registry.counter(.commandKeys, "crc32")
        neither = registry.counter(.commandKeys, "neither")
        self.telemetry = telemetry
    }

    func grew(to partitions: Int) { detector.withLock { $0.grew(to: partitions) } }

    func count(_ records: [ConsumedRecord]) {
        let (counts, mix) = detector.withLock { detector in
            for record in records { detector.count(record) }
            return (detector.records, detector.judge(at: Clocks.now()))
        }
        murmur2.set(total: Double(counts.murmur2))
        crc32.set(total: Double(counts.crc32))
        neither.set(total: Double(counts.neither))
        if let mix { telemetry.keysMixed(mix) }
    }

    func render(_ json: inout JSONWriter) {
        let (counts, isMixed) = detector.withLock { ($0.records, $0.isMixed(at: Clocks.now())) }
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
