/// How long things took, as counts in 512 buckets of 4 bytes: exact below 64 ms, within 3 % above, up to 17 minutes.
package struct LatencyHistogram: Sendable {
    private static let halfBuckets = 32
    private static let octaves = 15

    private var counts = [UInt32](repeating: 0, count: halfBuckets * (octaves + 1))
    package private(set) var count = 0
    /// Milliseconds; 0 while nothing was recorded.
    package private(set) var maximum: Int64 = 0

    package init() {}

    /// A negative time, of clocks that differ, counts as none.
    package mutating func record(milliseconds: Int64) {
        let time = max(0, milliseconds)
        counts[Self.bucket(of: time)] &+= 1
        count += 1
        maximum = max(maximum, time)
    }

    package mutating func add(_ other: LatencyHistogram) {
        guard other.count > 0 else { return }
        for index in counts.indices { counts[index] &+= other.counts[index] }
        count += other.count
        maximum = max(maximum, other.maximum)
    }

    package mutating func reset() {
        guard count > 0 else { return }
        self = LatencyHistogram()
    }

    /// The time that this share (above 0, at most 1) of all did not exceed, in milliseconds; nil while nothing was recorded.
    package func quantile(_ share: Double) -> Int64? {
        guard count > 0 else { return nil }
        let rank = max(1, Int((Double(count) * share).rounded(.up)))
        var seen = 0
        for (index, number) in counts.enumerated() where number > 0 {
            seen += Int(number)
            if seen >= rank { return min(Self.last(of: index), maximum) }
        }
        return maximum
    }

    private static func bucket(of time: Int64) -> Int {
        guard time >= halfBuckets else { return Int(time) }
        // Each octave from 32 ms on has 32 buckets.
        let shift = min(Int64.bitWidth - 1 - time.leadingZeroBitCount - 5, octaves - 1)
        return min(halfBuckets * (shift + 1) + Int(time >> shift) - halfBuckets, halfBuckets * (octaves + 1) - 1)
    }

    private static func last(of bucket: Int) -> Int64 {
        guard bucket >= halfBuckets else { return Int64(bucket) }
        let (shift, step) = (bucket / halfBuckets - 1, bucket % halfBuckets + halfBuckets)
        return (Int64(step) + 1) << shift - 1
    }
}

/// Latencies of the last minute: six histograms of ten seconds each, the oldest forgotten as a new one begins.
package struct RecentLatency: Sendable {
    private static let slotSeconds = 10
    private static let slots = 6

    private var histograms = [LatencyHistogram](repeating: LatencyHistogram(), count: slots)
    private var epochs = [Int](repeating: -1, count: slots)

    package init() {}

    package mutating func record(milliseconds: Int64, second: Int) {
        let epoch = second / Self.slotSeconds
        let slot = epoch % Self.slots
        if epochs[slot] != epoch {
            histograms[slot].reset()
            epochs[slot] = epoch
        }
        histograms[slot].record(milliseconds: milliseconds)
    }

    /// The last 50 to 60 seconds together.
    package func lastMinute(at second: Int) -> LatencyHistogram {
        let newest = second / Self.slotSeconds
        var all = LatencyHistogram()
        for slot in 0..<Self.slots where epochs[slot] >= 0 && newest - epochs[slot] < Self.slots {
            all.add(histograms[slot])
        }
        return all
    }
}
