import OTPEngine
import Testing

@Suite("Which offset may be committed")
struct PartitionProgressTests {
    @Test func onlyWhatIsBatchedOrCommittedCounts() {
        var progress = PartitionProgress(committed: 5)
        #expect(progress.arrived(5) == .admitted)
        #expect(progress.arrived(6) == .admitted)
        #expect(progress.arrived(7) == .admitted)
        #expect(progress.snapshot() == (5, []))
        progress.batched(6)
        #expect(progress.snapshot() == (5, [6]))
        progress.batched(5)
        #expect(progress.snapshot() == (7, []))
        progress.unbatched(5)
        #expect(progress.snapshot() == (5, [6]))
        progress.batched(5)
        progress.committed([5, 6], upTo: 7)
        #expect(progress.committed == 7 && progress.base == 7 && progress.next == 8)
        #expect(!progress.hasMoved)
    }

    @Test func skippedOffsetsAreFinished() {
        var progress = PartitionProgress(committed: 0)
        #expect(progress.arrived(2) == .admitted)
        #expect(progress.hasMoved)
        #expect(progress.arrived(5) == .admitted)
        #expect(progress.snapshot() == (2, [3, 4]))
        progress.batched(2)
        #expect(progress.snapshot() == (5, []))
        #expect(progress.reachedEnd(9) == true)
        #expect(progress.snapshot() == (5, [6, 7, 8]))
        #expect(progress.reachedEnd(9) == true)
        progress.batched(5)
        #expect(progress.snapshot() == (9, []))
        progress.committed([2, 5], upTo: 9)
        #expect(progress.base == 9 && !progress.hasMoved)
    }

    @Test func deliveredAgain() {
        var progress = PartitionProgress(committed: 5)
        #expect(progress.arrived(4) == .repeated)
        #expect(progress.arrived(5) == .admitted)
        #expect(progress.arrived(5) == .repeated)
        #expect(progress.arrived(9) == .admitted)
        #expect(progress.arrived(7) == .repeated)
    }

    @Test func whatTheBitmapNamesIsFinished() {
        var progress = PartitionProgress(committed: 5, finished: [6, 8])
        #expect(progress.next == 5)
        #expect(progress.snapshot() == (5, [6, 8]))
        #expect(progress.arrived(5) == .admitted)
        #expect(progress.arrived(6) == .finished)
        #expect(progress.arrived(7) == .admitted)
        #expect(progress.arrived(8) == .finished)
        progress.batched(5)
        #expect(progress.snapshot() == (7, [8]))
        progress.batched(7)
        #expect(progress.snapshot() == (9, []))
    }

    @Test func aBitmapWhoseRecordsAreGoneIsPassedOver() {
        var progress = PartitionProgress(committed: 5, finished: [6, 8])
        #expect(progress.arrived(7) == .admitted)
        #expect(progress.arrived(8) == .finished)
        #expect(progress.snapshot() == (7, [8]))
        var emptied = PartitionProgress(committed: 5, finished: [6, 8])
        #expect(emptied.reachedEnd(20) == true)
        #expect(emptied.snapshot() == (20, []))
    }

    @Test func theWindowIsBounded() {
        var progress = PartitionProgress(committed: 0)
        #expect(progress.arrived(0) == .admitted)
        #expect(progress.arrived(Limits.window) == .beyondWindow)
        #expect(progress.reachedEnd(Limits.window) == false)
        #expect(progress.next == 1)
        #expect(progress.arrived(Limits.window - 1) == .admitted)
        #expect(progress.span == Limits.window)
        #expect(progress.snapshot().finished.last == Limits.window - 2)
        progress.batched(0)
        progress.committed([0], upTo: Limits.window - 1)
        #expect(progress.arrived(Limits.window) == .admitted)
    }

    @Test func aHugeGapWithNothingPendingIsNoWindow() {
        var progress = PartitionProgress(committed: 0, finished: [3])
        #expect(progress.arrived(1 << 60) == .admitted)
        #expect(progress.snapshot() == (1 << 60, []))
        #expect(progress.arrived((1 << 60) + Limits.window) == .beyondWindow)
        progress.batched(1 << 60)
        progress.committed([1 << 60], upTo: (1 << 60) + 1)
        #expect(progress.reachedEnd(1 << 61) == true)
        #expect(progress.base == 1 << 61)
    }

    @Test func itAgreesWithSetsOfOffsets() {
        for seed in 0..<50 {
            var random = SplitMix64(seed: UInt64(seed))
            var model = Model(
                committed: 100,
                finished: Set((0..<20).map { _ in Int64.random(in: 90...140, using: &random) })
            )
            var progress = PartitionProgress(committed: 100, finished: model.finished.sorted())
            for _ in 0..<200 {
                switch Int.random(in: 0..<7, using: &random) {
                case 0...2:
                    let offset = progress.next + .random(in: -3...6, using: &random)
                    #expect(progress.arrived(offset) == model.arrived(offset))
                case 3:
                    let end = progress.next + .random(in: -3...6, using: &random)
                    #expect(progress.reachedEnd(end) == true)
                    model.reachedEnd(end)
                case 4:
                    guard let offset = model.pending.randomElement(using: &random) else { break }
                    progress.batched(offset)
                    model.pending.remove(offset)
                    model.batched.insert(offset)
                case 5:
                    guard let offset = model.batched.randomElement(using: &random) else { break }
                    progress.unbatched(offset)
                    model.batched.remove(offset)
                    model.pending.insert(offset)
                default:
                    let (offset, _) = progress.snapshot()
                    progress.committed(model.batched, upTo: offset)
                    model.finished.formUnion(model.batched)
                    model.batched = []
                }
                #expect(progress.next == model.next)
                #expect(progress.snapshot() == model.snapshot)
            }
        }
    }
}

/// The same, as sets: whatever is below `next` and neither pending nor batched is finished.
private struct Model {
    var next: Int64
    var finished: Set<Int64>
    var pending: Set<Int64> = []
    var batched: Set<Int64> = []

    init(committed: Int64, finished: Set<Int64>) {
        next = committed
        self.finished = finished.filter { $0 > committed }
    }

    mutating func arrived(_ offset: Int64) -> PartitionProgress.Arrival {
        guard offset >= next else { return .repeated }
        reachedEnd(offset)
        next = offset + 1
        if finished.contains(offset) { return .finished }
        pending.insert(offset)
        return .admitted
    }

    mutating func reachedEnd(_ offset: Int64) { next = max(next, offset) }

    var snapshot: (offset: Int64, finished: [Int64]) {
        func isDone(_ offset: Int64) -> Bool {
            finished.contains(offset) || batched.contains(offset) || (offset < next && !pending.contains(offset))
        }
        let end = max(next, (finished.max() ?? 0) + 1)
        var mark = pending.min() ?? next
        while mark < end, isDone(mark) { mark += 1 }
        return (mark, mark < end ? (mark..<end).filter(isDone) : [])
    }
}
