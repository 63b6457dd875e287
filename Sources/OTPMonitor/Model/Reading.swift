import OTPContract

/// How far a topic is read, and which of its partitions are not read although there is something to read.
///
/// Evidence, not hope: the reader tells where it stands, another client where the partitions end, and a partition that stands still before
/// its end is named.
package struct Reading: Sendable {
    package enum Bounds {
        /// A reader that is well tells of itself about twice a second.
        package static let silence = Duration.seconds(15)
        /// A partition that stands still for so long before its end cannot be read.
        package static let standstill = Duration.seconds(15)
        /// Partitions that a sentence names.
        package static let named = 8
    }

    private struct Standstill {
        var since: Duration
        var reached: Int64
    }

    package let topic: String
    private var reached: [Int32: Int64] = [:]
    private var standing: [Int32: Standstill] = [:]
    /// Partitions whose end nobody could tell, since when, and why.
    private var unanswered: [Int32: (since: Duration, reason: String)] = [:]
    private var heardAt: Duration?
    private var trouble: (since: Duration, reason: String)?

    package init(_ topic: String) {
        self.topic = topic
    }

    /// The reader has done a turn, and stands here; `trouble` is why it cannot read at all.
    package mutating func turned(reached: [Int32: Int64], trouble reason: String?, at now: Duration) {
        self.reached = reached
        heardAt = now
        trouble = reason.map { (trouble?.since ?? now, $0) }
    }

    /// Where the partitions end by somebody else's account, and of which that could not be had.
    package mutating func told(ends: [Int32: Int64], unknown: [Int32: String], at now: Duration) {
        unanswered = unknown.reduce(into: [:]) { all, entry in
            all[entry.key] = (unanswered[entry.key]?.since ?? now, entry.value)
        }
        for (partition, end) in ends {
            let position = reached[partition] ?? 0
            if position >= end {
                standing[partition] = nil
            } else if standing[partition]?.reached != position {
                standing[partition] = Standstill(since: now, reached: position)
            }
        }
        standing = standing.filter { ends[$0.key] != nil || unknown[$0.key] != nil }
    }

    /// What is wrong, each a sentence; none when all is read.
    package func problems(at now: Duration) -> [String] {
        guard let heardAt else { return ["\(topic) is not read yet"] }
        if now - heardAt > Bounds.silence {
            return ["the reader of \(topic) is stuck: nothing was heard of it for \(seconds(now - heardAt)) s"]
        }
        if let trouble {
            return ["\(topic) cannot be read for \(seconds(now - trouble.since)) s: \(trouble.reason)"]
        }
        let stuck = standing.filter { now - $0.value.since > Bounds.standstill }.mapValues { standstill in
            "is not read: at \(standstill.reached) for \(seconds(now - standstill.since)) s, though more lies there"
        }
        let silent = unanswered.filter { now - $0.value.since > Bounds.standstill }.mapValues { silence in
            "has told nothing for \(seconds(now - silence.since)) s: \(silence.reason)"
        }
        let all = silent.merging(stuck) { reason, _ in reason }.sorted { $0.key < $1.key }
        let named = all.prefix(Bounds.named).map { "partition \($0.key) of \(topic) \($0.value)" }
        return named + (all.count > named.count ? ["and \(all.count - named.count) partitions more"] : [])
    }

    private func seconds(_ time: Duration) -> Int64 { time.components.seconds }
}
