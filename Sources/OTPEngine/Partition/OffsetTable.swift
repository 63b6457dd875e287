import DequeModule

/// Values by offset, where offsets grow and the oldest go first: a slot for each offset from the oldest value's on.
///
/// The window of a partition (``Limits/window``) bounds how far they lie apart.
package struct OffsetTable<Value> {
    /// The offset of the first slot; the first and the last slot are taken.
    private var start: Int64 = 0
    private var slots: Deque<Value?> = []
    package private(set) var count = 0

    package init() {}

    package var isEmpty: Bool { count == 0 }
    /// In the order of their offsets.
    package var values: some Sequence<Value> { slots.lazy.compactMap(\.self) }

    /// The value at this offset; nil when there is none.
    package subscript(offset: Int64) -> Value? {
        let index = offset - start
        return index >= 0 && index < slots.count ? slots[Int(index)] : nil
    }

    /// Adds a value; its offset lies above all others.
    package mutating func append(_ value: Value, at offset: Int64) {
        if slots.isEmpty { start = offset }
        let index = Int(offset - start)
        precondition(index >= slots.count, "offsets grow")
        while slots.count < index { slots.append(nil) }
        slots.append(value)
        count += 1
    }

    /// - Returns: what was there; nil when nothing was.
    package mutating func remove(at offset: Int64) -> Value? {
        guard let value = self[offset] else { return nil }
        slots[Int(offset - start)] = nil
        count -= 1
        while let first = slots.first, first == nil {
            slots.removeFirst()
            start += 1
        }
        while let last = slots.last, last == nil { slots.removeLast() }
        return value
    }
}
