package import OTPEngine
package import OTPKafka

/// Which partitioner the keys of the command topic were placed by, and whether producers disagree about that.
///
/// A record fits a partitioner by chance too, once in as many times as there are partitions: where the topic has grown since, or
/// where somebody places records by a rule of their own, old and odd records fit both partitioners equally often. So a mix is only
/// told when each of the two fits at least twice as many keys as those that fit neither explain. It counts; it does not log.
package struct PartitionerDetector: Sendable {
    /// What was counted of what says something: a record that both partitioners would place there, one without a key, and a topic
    /// of one partition say nothing.
    package struct Counts: Equatable, Sendable {
        package var murmur2 = 0
        package var crc32 = 0
        package var neither = 0

        package init(murmur2: Int = 0, crc32: Int = 0, neither: Int = 0) {
            self.murmur2 = murmur2
            self.crc32 = crc32
            self.neither = neither
        }

        package var total: Int { murmur2 + crc32 + neither }
    }

    /// No mix is told more often.
    package static let interval = Duration.seconds(600)
    /// Keys of one window; each is counted once, so that a thousand commands of one customer are one piece of evidence.
    package static let maximumKeys = 4_096
    /// A window that nobody fills is not kept for longer: what it holds is no longer true.
    package static let longestWindow = Duration.seconds(3_600)
    /// Keys beyond chance that are taken for evidence.
    private static let evidence = 5.0

    /// Records since the start.
    package private(set) var records = Counts()
    private var partitions: Int
    /// Keys of this window, and a bit for each.
    private var keys = Counts()
    private var seen: [UInt64]
    private var windowEnd: Instant?
    private var mixedAt: Instant?
    private var toldAt: Instant?

    package init(partitions: Int) {
        self.partitions = partitions
        seen = Self.noneSeen
    }

    private static let noneSeen = [UInt64](repeating: 0, count: maximumKeys * 2 / 64)

    /// The topic has other partitions than before: what was placed until now says nothing of how it is placed from now on.
    package mutating func grew(to partitions: Int) {
        self.partitions = partitions
        beginWindow()
    }

    /// Of a key that was cut nobody knows where it belongs.
    package mutating func count(_ record: ConsumedRecord) {
        if record.isKeyWhole { count(record.key, in: record.partition) }
    }

    package mutating func count(_ key: [UInt8]?, in partition: Int32) {
        guard let key, !key.isEmpty, partitions > 1, partition < partitions else { return }
        let hash = KeyPartitioner.murmur2.hash(key)
        let isMurmur2 = Int(hash & 0x7fff_ffff) % partitions == Int(partition)
        let isCRC32 = KeyPartitioner.crc32.partition(of: key, count: partitions) == partition
        let fit: WritableKeyPath<Counts, Int>
        switch (isMurmur2, isCRC32) {
        case (true, true): return
        case (true, false): fit = \.murmur2
        case (false, true): fit = \.crc32
        case (false, false): fit = \.neither
        }
        records[keyPath: fit] += 1
        // The upper bits of the product; the lower ones chose the partition.
        let bit = Int((hash &* 0x9e37_79b9) >> 19)
        guard seen[bit / 64] & 1 << UInt64(bit % 64) == 0 else { return }
        seen[bit / 64] |= 1 << UInt64(bit % 64)
        keys[keyPath: fit] += 1
    }

    /// To be asked now and then.
    /// - Returns: the keys that give a mix away; never twice within an `interval`.
    package mutating func judge(at now: Instant) -> Counts? {
        let end = windowEnd ?? now + Self.longestWindow
        windowEnd = end
        let counts = keys
        guard isMixed(counts) else {
            if now >= end || counts.total >= Self.maximumKeys { beginWindow() }
            return nil
        }
        // What is told next must rest on other keys.
        beginWindow()
        mixedAt = now
        if let toldAt, now < toldAt + Self.interval { return nil }
        toldAt = now
        return counts
    }

    /// Whether producers disagreed within the last `longestWindow`.
    package func isMixed(at now: Instant) -> Bool { mixedAt.map { now < $0 + Self.longestWindow } ?? false }

    private func isMixed(_ counts: Counts) -> Bool {
        guard partitions > 1 else { return false }
        // Of keys placed by neither rule, each rule fits one in so many, and misses the others.
        let chance = Double(counts.neither) / Double(partitions - 1)
        let least = max(2 * chance, chance + Self.evidence * (1 + chance.squareRoot()))
        return Double(min(counts.murmur2, counts.crc32)) >= least
    }

    private mutating func beginWindow() {
        keys = Counts()
        seen = Self.noneSeen
        windowEnd = nil
    }
}
