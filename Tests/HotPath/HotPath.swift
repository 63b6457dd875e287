import OTPContract
import OTPEngine

/// The way of a command through the codecs and the engine, and nothing else: decoded, decided, its intent, its call, its answer, its result
/// and its ledger record encoded.
///
/// For counting instructions, which no other load on the machine changes: `Tests/HotPath/count.py`. It prints nothing but how many
/// results came, and fails unless that is one for each command.
@main
struct HotPath: ~Copyable {
    private static let partitions: Int32 = 8
    /// Commands that come together, as at some thousands a second.
    private static let together = 32

    private var engine: Engine
    private let decoder = CommandDecoder()
    private var now = Instant(nanoseconds: 0)
    private var epochs: [PartitionEpoch] = []
    private var made = 0
    /// What comes of this round's effects in the next one, as from brokers and upstream.
    private var next: [Event] = []
    private var ledgerEnd: Int64 = 0
    private var results = 0
    private var bytes = 0

    static func main() {
        let count = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 10_000
        var path = HotPath()
        path.begin()
        path.run(count)
        precondition(path.results == count, "\(count) commands, \(path.results) results")
        print("\(path.results) results, \(path.bytes) bytes")
    }

    init() {
        let configuration = EngineConfiguration(
            topic: "otp.verify.commands",
            group: "otp-worker",
            worker: "otp-worker-0",
            clusterID: "cluster",
            keyID: 7,
            processID: 1,
            transactionalID: "otp-worker-0"
        )
        engine = Engine(configuration: configuration, seed: 1, now: now)
    }

    private var wall: WallTime { WallTime(milliseconds: 1_790_000_000_000 + now.nanoseconds / 1_000_000) }

    private mutating func begin() {
        handle([.started])
        handle([.producerReady])
        handle([.assigned(Array(0..<Self.partitions))])
        let none = LedgerRestore(.init(retention: .seconds(1_800), committed: 0, finished: nil), process: 1, at: wall)
        for epoch in epochs {
            handle([.positionsFetched(epoch, Positions(committed: 0, metadata: nil, earliest: 0, end: 0))])
            handle([.barrierWritten(epoch, ledgerOffset: 0)])
            handle([.restored(epoch, none.finished(), at: wall)])
        }
    }

    private mutating func run(_ count: Int) {
        while results < count {
            now = now + .milliseconds(5)
            handle([.coordinatorHeard(at: now)])
            let records = (0..<min(Self.together, count - made)).map { _ in record() }
            if !records.isEmpty { handle([.received(records, at: wall)]) }
            let events = next
            next = []
            if !events.isEmpty { handle(events) }
            handle([.timeReached(wall: wall)])
        }
    }

    private mutating func record() -> ReceivedRecord {
        let number = made
        made += 1
        let epoch = epochs[number % epochs.count]
        let id = RecordID(epoch: epoch, offset: Int64(number / epochs.count))
        let session = "order-\(number)-5f3c9a"
        let value = #"{"user_gsm":"5324818942","otp_session_id":"\#(session)","otp_code":"482913"}"#
        let headers = [Header(name: "traceparent", text: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]
        let source = Coordinates(topic: "otp.verify.commands", partition: epoch.partition, offset: id.offset)
        let reading = decoder.read(key: Array(session.utf8), value: Array(value.utf8), headers: headers, at: source)
        guard case .success(let command) = reading.content else { preconditionFailure("a command that cannot be read") }
        let high = UInt64(number) &* 0x9E37_79B9_7F4A_7C15
        return ReceivedRecord(
            id: id,
            timestamp: wall,
            key: Array(session.utf8),
            headers: EchoHeaders.select(from: headers),
            reply: ReplyAddress(in: headers),
            content: .command(
                command,
                session: SessionDigest(high: high, low: ~high),
                fingerprint: Fingerprint(keyID: 7, high: ~high, low: high)
            )
        )
    }

    private mutating func handle(_ events: [Event]) {
        var effects: [Effect] = []
        engine.handle(events, at: now, into: &effects)
        for effect in effects {
            switch effect {
            case .assign(let assigned): epochs = assigned
            case .writeIntent(let id, let record):
                bytes += record.key.count + (record.value?.count ?? 0)
                next.append(.intentWritten(id, ledgerOffset: ledgerOffset()))
            case .call(let id, _, _, _):
                let body = UpstreamAnswer.Body(code: 0, message: "Başarılı İşlem")
                next.append(.answered(id, UpstreamAnswer(.answered(status: 200), body: body)))
            case .commit(let batch): commit(batch)
            default: break
            }
        }
    }

    private mutating func commit(_ batch: Batch) {
        for result in batch.results {
            results += 1
            bytes += result.event.encode().count + (result.event.key()?.count ?? 0)
            bytes += result.event.headers().reduce(0) { $0 + $1.bytes }
        }
        for write in batch.ledger { bytes += write.key.count + (write.value?.count ?? 0) }
        next.append(.committed(batch.id, ledgerOffsets: batch.ledger.map { _ in ledgerOffset() }))
    }

    private mutating func ledgerOffset() -> Int64 {
        ledgerEnd += 1
        return ledgerEnd
    }
}
