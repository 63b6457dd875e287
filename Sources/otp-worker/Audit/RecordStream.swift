import Dispatch
import OTPContract
import OTPKafka
import Synchronization

/// One partition's records between two offsets, read ahead on a thread of its own and handed out one by one.
///
/// Its bound: `batches` batches of what the reader hands out at once; a reader that is ahead of its user waits. Records are
/// turned into facts on the reading thread, so that what they say beyond that is dropped there.
final class RecordStream<Fact: Sendable>: Sendable {
    struct Item: Sendable {
        var time: WallTime
        var offset: Int64
        var fact: Fact
    }

    static var batches: Int { 4 }

    let topicPartition: TopicPartition
    let offsets: Range<Int64>
    private let state: Mutex<State>
    private let room = DispatchSemaphore(value: 4)
    private let news = DispatchSemaphore(value: 0)

    private struct State {
        var batches: [[Item]] = []
        var position: Int64
        var moved = ContinuousClock.now
        var isCancelled = false
        var end: Result<Void, KafkaError>?
    }

    /// Starts to read.
    init(
        _ reader: RangeReader,
        _ topicPartition: TopicPartition,
        _ offsets: Range<Int64>,
        decode: @escaping @Sendable (ConsumedRecord) -> Fact?
    ) {
        self.topicPartition = topicPartition
        self.offsets = offsets
        state = Mutex(State(position: offsets.lowerBound))
        DispatchQueue(label: "otp-worker.audit.\(topicPartition)").async { self.read(reader, decode) }
    }

    /// Ends it where nobody takes from it any longer: what is read ahead is dropped, and the thread leaves within a minute.
    func cancel() {
        let dropped = state.withLock { state in
            defer { state.batches = [] }
            state.isCancelled = true
            return state.batches.count
        }
        for _ in 0..<dropped { room.signal() }
    }

    /// How far it has been read.
    var position: Int64 { state.withLock { min($0.position, offsets.upperBound) } }

    /// The next batch; nil at the end.
    func next() throws(Failure) -> [Item]? {
        while true {
            let ended = try state.withLock { state throws(Failure) -> Bool in
                if !state.batches.isEmpty { return false }
                switch state.end {
                case .success: return true
                case .failure(let error): throw Failure("\(topicPartition) cannot be read: \(error)")
                case nil: break
                }
                guard ContinuousClock.now - state.moved < .seconds(60) else {
                    throw Failure(
                        "\(topicPartition) could not be read beyond offset \(state.position) for a minute",
                        remedy:
                            "a transaction may be open there, or its leader gone; try again when the cluster is well"
                    )
                }
                return false
            }
            if ended { return nil }
            if let batch = state.withLock({ dequeueBatch(&$0) }) {
                room.signal()
                return batch
            }
            _ = news.wait(timeout: .now() + .milliseconds(500))
        }
    }

    private func dequeueBatch(_ state: inout State) -> [Item]? {
        guard !state.batches.isEmpty else { return nil }
        // A reader that had to wait for room has not been standing still.
        state.moved = .now
        return state.batches.removeFirst()
    }

    private func read(_ reader: RangeReader, _ decode: (ConsumedRecord) -> Fact?) {
        var end: Result<Void, KafkaError>?
        while end == nil {
            let (start, isCancelled) = state.withLock { ($0.position, $0.isCancelled) }
            guard !isCancelled else { break }
            do throws(KafkaError) {
                try reader.read(
                    topicPartition,
                    from: start,
                    to: offsets.upperBound,
                    timeout: .seconds(60),
                    onBatch: { records in put(records, decode) },
                    onProgress: { progress in moved(to: progress.position) }
                )
                end = .success(())
            } catch {
                // A long stretch takes more than one turn; one in which nothing came is the end.
                let hasMoved = state.withLock { $0.position > start }
                if error.code != .timedOut || !hasMoved { end = .failure(error) }
            }
        }
        state.withLock { $0.end = end }
        news.signal()
    }

    private func put(_ records: [ConsumedRecord], _ decode: (ConsumedRecord) -> Fact?) {
        let items = records.compactMap { record -> Item? in
            guard record.offset < offsets.upperBound, let fact = decode(record) else { return nil }
            return Item(time: WallTime(milliseconds: record.timestamp ?? 0), offset: record.offset, fact: fact)
        }
        guard !items.isEmpty else { return }
        room.wait()
        let isWanted = state.withLock { state in
            guard !state.isCancelled else { return false }
            state.batches.append(items)
            state.moved = .now
            return true
        }
        if isWanted { news.signal() } else { room.signal() }
    }

    private func moved(to position: Int64) {
        state.withLock { state in
            if position > state.position { state.moved = .now }
            state.position = max(state.position, position)
        }
    }
}

/// Where a reader is in a ``RecordStream``.
struct StreamCursor<Fact: Sendable> {
    let stream: RecordStream<Fact>
    private var batch: ArraySlice<RecordStream<Fact>.Item> = []
    private var isAtEnd = false

    init(_ stream: RecordStream<Fact>) { self.stream = stream }

    /// The next record without removing it; nil at the end.
    mutating func peek() throws(Failure) -> RecordStream<Fact>.Item? {
        while batch.isEmpty, !isAtEnd {
            if let next = try stream.next() { batch = next[...] } else { isAtEnd = true }
        }
        return batch.first
    }

    mutating func next() throws(Failure) -> RecordStream<Fact>.Item? {
        let item = try peek()
        if item != nil { batch.removeFirst() }
        return item
    }
}
