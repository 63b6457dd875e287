import OTPEngine
import OTPKafka
import OTPWorker
import Testing

@Suite("Producers that produce keys differently are noticed, and nothing else is taken for that")
struct PartitionerDetectorTests {
    private let start = Instant(nanoseconds: 0)

    private func key(_ number: Int) -> [UInt8] { Array("session-\(number)".utf8) }

    private func produce(
        _ numbers: Range<Int>,
        by partitioner: KeyPartitioner,
        of count: Int,
        in detector: inout PartitionerDetector
    ) {
        for number in numbers {
            detector.count(key(number), in: partitioner.partition(of: key(number), count: count))
        }
    }

    /// A placement that has nothing to do with either: FNV-1a, as some clients for Go have it.
    private func scatter(_ numbers: Range<Int>, of count: Int, in detector: inout PartitionerDetector) {
        for number in numbers {
            let hash = key(number).reduce(0x811c_9dc5 as UInt32) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
            detector.count(key(number), in: Int32(hash % UInt32(count)))
        }
    }

    @Test func aKeyOfWhichOnlyTheBeginningIsKnownSaysNothing() {
        var detector = PartitionerDetector(partitions: 8)
        for number in 0..<2_000 {
            let whole = [UInt8](repeating: 7, count: 1_024) + key(number)
            let partition = KeyPartitioner.murmur2.partition(of: whole, count: 8)
            let cut = Array(whole.prefix(1_024))
            detector.count(
                ConsumedRecord(topic: "t", partition: partition, offset: 0, key: cut, keySize: whole.count)
            )
        }
        #expect(detector.records.total == 0)
        detector.count(ConsumedRecord(topic: "t", partition: 3, offset: 0, key: key(5)))
        detector.count(ConsumedRecord(topic: "t", partition: 4, offset: 0, key: key(5)))
        #expect(detector.records.total > 0)
    }

    @Test(arguments: [2, 3, 8, 64])
    func oneKindOfProducerIsNoMix(partitions: Int) {
        for partitioner in KeyPartitioner.allCases {
            var detector = PartitionerDetector(partitions: partitions)
            produce(0..<20_000, by: partitioner, of: partitions, in: &detector)
            #expect(detector.judge(at: start) == nil)
            #expect(!detector.isMixed(at: start))
            let counts = detector.records
            #expect(counts.neither == 0)
            #expect((partitioner == .murmur2 ? counts.crc32 : counts.murmur2) == 0)
            #expect(counts.total < 20_000, "what fits both says nothing")
        }
    }

    @Test(arguments: [2, 3, 8, 64])
    func twoKindsAreAMix(partitions: Int) throws {
        var detector = PartitionerDetector(partitions: partitions)
        produce(0..<1_000, by: .murmur2, of: partitions, in: &detector)
        #expect(detector.judge(at: start) == nil)
        produce(1_000..<1_020, by: .crc32, of: partitions, in: &detector)
        let told = detector.judge(at: start)
        let mix = try #require(told)
        #expect(mix.murmur2 > mix.crc32 && mix.crc32 >= 5 && mix.neither == 0)
        #expect(detector.isMixed(at: start))
    }

    @Test func aMixIsToldOnceInAWhileForAsLongAsItGoesOn() {
        var detector = PartitionerDetector(partitions: 8)
        var told: [Int] = []
        for minute in 0..<25 {
            produce(minute * 100..<minute * 100 + 50, by: .murmur2, of: 8, in: &detector)
            produce(minute * 100 + 50..<minute * 100 + 100, by: .crc32, of: 8, in: &detector)
            if detector.judge(at: start + .seconds(60 * minute)) != nil { told.append(minute) }
        }
        #expect(told == [0, 10, 20])
        #expect(detector.isMixed(at: start + .seconds(24 * 60 + 3_599)))
        #expect(!detector.isMixed(at: start + .seconds(24 * 60 + 3_600)))
    }

    @Test(arguments: [2, 3, 8, 64])
    func anotherRuleIsNoMix(partitions: Int) {
        for offset in 0..<20 {
            var detector = PartitionerDetector(partitions: partitions)
            scatter(offset * 10_000..<offset * 10_000 + 3_000, of: partitions, in: &detector)
            #expect(detector.judge(at: start) == nil)
            produce(0..<500, by: .murmur2, of: partitions, in: &detector)
            #expect(detector.judge(at: start) == nil, "one of the two, and strangers")
        }
    }

    /// The backlog was placed by the old count and is read by the new one.
    @Test(arguments: [(4, 8), (8, 12), (2, 3), (6, 7)])
    func aTopicThatHasGrownIsNoMix(before: Int, now: Int) {
        for partitioner in KeyPartitioner.allCases {
            var detector = PartitionerDetector(partitions: now)
            produce(0..<2_500, by: partitioner, of: before, in: &detector)
            #expect(detector.judge(at: start) == nil)
            produce(2_500..<3_500, by: partitioner, of: now, in: &detector)
            #expect(detector.judge(at: start) == nil)
        }
    }

    @Test func aKeyCountsOnceHoweverOftenItComes() {
        var detector = PartitionerDetector(partitions: 8)
        produce(0..<1_000, by: .murmur2, of: 8, in: &detector)
        for _ in 0..<1_000 { produce(2_000..<2_004, by: .crc32, of: 8, in: &detector) }
        #expect(detector.judge(at: start) == nil)
        #expect(detector.records.crc32 >= 1_000, "the records are counted all the same")
    }

    @Test func oldEvidenceIsForgotten() {
        var detector = PartitionerDetector(partitions: 8)
        produce(0..<100, by: .murmur2, of: 8, in: &detector)
        #expect(detector.judge(at: start) == nil)
        #expect(detector.judge(at: start + PartitionerDetector.longestWindow) == nil)
        produce(100..<200, by: .crc32, of: 8, in: &detector)
        #expect(detector.judge(at: start + PartitionerDetector.longestWindow) == nil)
        detector.grew(to: 12)
        produce(200..<300, by: .murmur2, of: 12, in: &detector)
        #expect(detector.judge(at: start + PartitionerDetector.longestWindow) == nil)
    }

    @Test func whatSaysNothingIsNotCounted() {
        var alone = PartitionerDetector(partitions: 1)
        produce(0..<100, by: .murmur2, of: 1, in: &alone)
        #expect(alone.records.total == 0)
        var detector = PartitionerDetector(partitions: 4)
        detector.count(nil, in: 0)
        detector.count([], in: 0)
        // A partition that is not known yet.
        detector.count(key(1), in: 4)
        #expect(detector.records.total == 0)
    }
}
