import DequeModule

/// Which offsets of a partition are finished, and so which offset may be committed: the one below which nothing
/// is unfinished, with the few beyond it that are finished.
///
/// An outcome that is only in memory counts for neither.
package struct PartitionProgress: Equatable, Sendable {
    package enum Arrival: Equatable, Sendable {
        /// New: to be handled.
        case admitted
        /// Its result was published before this owner came: only the offset advances.
        case finished
        /// Below the committed offset or not above the newest one admitted: delivered again.
        case repeated
        /// Too far ahead of the committed offset: to be offered again once it moved.
        case beyondWindow
    }

    private enum Slot: UInt8 {
        case unseen, pending, batched, finished
    }

    /// The offset that was last committed: the first one that no owner need handle is below it.
    package private(set) var committed: Int64
    /// The first offset that is not known to be finished and committed as such; at or above ``committed``.
    package private(set) var base: Int64
    /// The next offset that has not been seen.
    package private(set) var next: Int64
    /// From ``base`` on.
    private var slots: Deque<Slot> = []

    /// - Parameters:
    ///   - committed: the committed offset, or the earliest one of a partition that has none.
    ///   - finished: offsets above it that an earlier owner finished.
    package init(committed: Int64, finished: [Int64] = []) {
        self.committed = committed
        base = committed
        next = committed
        for offset in finished where offset > committed && offset - committed <= Limits.window {
            set(offset, .finished)
        }
    }

    /// Offsets from the base to the newest one seen.
    package var span: Int64 { next - base }

    /// The committed offset lags behind what is finished though no record says so: the offsets between were skipped.
    package var hasMoved: Bool { base > committed }

    package mutating func arrived(_ offset: Int64) -> Arrival {
        guard offset >= next else { return .repeated }
        // What lies between was aborted, a marker or compacted: there is nothing to handle. With nothing unfinished behind
        // it the base moves along, however far that is.
        if !isWithinWindow(offset) { return .beyondWindow }
        skip(to: offset)
        next = offset + 1
        if slot(offset) == .finished {
            trim()
            return .finished
        }
        set(offset, .pending)
        return .admitted
    }

    /// The log's end is at `offset`; nothing below it is left to come.
    /// - Returns: false when that is too far ahead of the base, and to be said again.
    package mutating func reachedEnd(_ offset: Int64) -> Bool {
        guard offset > next else { return true }
        guard isWithinWindow(offset) else { return false }
        skip(to: offset)
        return true
    }

    private func isWithinWindow(_ offset: Int64) -> Bool { offset - base < Limits.window || base == next }

    private mutating func skip(to offset: Int64) {
        if base == next {
            // Bits of the bitmap that lie in the gap go with it.
            slots.removeFirst(min(slots.count, Int(clamping: offset - base)))
            base = offset
        } else {
            for skipped in next..<max(offset, next) { set(skipped, .finished) }
        }
        next = max(next, offset)
        trim()
    }

    /// The record's result is in the batch that is being formed.
    package mutating func batched(_ offset: Int64) { set(offset, .batched) }

    /// The batch was aborted: the outcome is only in memory again.
    package mutating func unbatched(_ offset: Int64) { set(offset, .pending) }

    /// The batch was committed, with this offset.
    package mutating func committed(_ offsets: some Sequence<Int64>, upTo offset: Int64) {
        for finished in offsets { set(finished, .finished) }
        committed = max(committed, offset)
        trim()
    }

    /// The offset to commit now, and the offsets above it that are finished, for the batch that is being formed.
    package func snapshot() -> (offset: Int64, finished: [Int64]) {
        var index = slots.startIndex
        while index < slots.endIndex, slots[index] == .batched || slots[index] == .finished { index += 1 }
        let offset = base + Int64(index)
        var finished: [Int64] = []
        while index < slots.endIndex {
            if slots[index] == .batched || slots[index] == .finished { finished.append(base + Int64(index)) }
            index += 1
        }
        return (offset, finished)
    }

    /// The part of a stretch from its first offset that is not finished to its last; nil where all of them are.
    package func unfinished(in range: Range<Int64>) -> Range<Int64>? {
        guard let first = range.first(where: { slot($0) != .finished }),
            let last = range.last(where: { slot($0) != .finished })
        else { return nil }
        return first..<last + 1
    }

    private func slot(_ offset: Int64) -> Slot {
        let index = offset - base
        return index < 0 ? .finished : index < slots.count ? slots[Int(index)] : .unseen
    }

    private mutating func set(_ offset: Int64, _ slot: Slot) {
        let index = Int(offset - base)
        precondition(index >= 0, "an offset below the base is finished for good")
        while slots.count <= index { slots.append(.unseen) }
        slots[index] = slot
    }

    private mutating func trim() {
        while base < next, slots.first == .finished {
            slots.removeFirst()
            base += 1
        }
    }
}
