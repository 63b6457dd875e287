import InMemoryTracing
import OTPContract
import OTPEngine
import OTPWorker
import Synchronization
import Testing
import Tracing

/// A tracer that keeps its spans, and reads and writes W3C Trace Context.
struct W3CTracer: Tracer {
    let memory: InMemoryTracer

    init() {
        let ids = Mutex(0)
        let next = { @Sendable (digits: Int) in
            let number = ids.withLock { ids in
                ids += 1
                return String(ids, radix: 16)
            }
            return String(repeating: "0", count: digits - number.count) + number
        }
        memory = InMemoryTracer(idGenerator: .init(nextTraceID: { next(32) }, nextSpanID: { next(16) }))
    }

    func startSpan<Instant: TracerInstant>(
        _ operationName: String,
        context: @autoclosure () -> InstrumentationContext,
        ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant,
        function: String,
        file fileID: String,
        line: UInt
    ) -> InMemorySpan {
        memory.startSpan(
            operationName,
            context: context(),
            ofKind: kind,
            at: instant(),
            function: function,
            file: fileID,
            line: line
        )
    }

    func forceFlush() {}

    func inject<Carrier, Inject: Injector>(
        _ context: InstrumentationContext,
        into carrier: inout Carrier,
        using injector: Inject
    ) where Inject.Carrier == Carrier {
        guard let span = context.inMemorySpanContext else { return }
        injector.inject("00-\(span.traceID)-\(span.spanID)-01", forKey: "Traceparent", into: &carrier)
    }

    func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier,
        into context: inout InstrumentationContext,
        using extractor: Extract
    ) where Extract.Carrier == Carrier {
        let fields = extractor.extract(key: "Traceparent", from: carrier)?.split(separator: "-").map(String.init)
        guard let fields, fields.count == 4 else { return }
        context.inMemorySpanContext = InMemorySpanContext(traceID: fields[1], spanID: fields[2], parentSpanID: nil)
    }
}

/// An engine that owns partition 3, and the spans of what it does; nobody carries its effects out.
final class TracedEngine {
    let tracer = W3CTracer()
    let spans: CommandSpans
    /// The headers of the last call.
    private(set) var sent: [Header]?
    private(set) var batch: Batch?
    private var engine: Engine
    private var epoch: PartitionEpoch?
    private var now = Instant(nanoseconds: 0)
    static let phone = "5324818942"
    static let session = "marked-session"

    init() throws {
        engine = Engine(
            configuration: .sample,
            seed: 1,
            now: now
        )
        let names = CommandSpans.Names(
            topics: WorkerConfiguration.Topics(),
            group: "group",
            host: "api.example",
            port: 443,
            url: "https://api.example/v1/card/check_otp"
        )
        spans = try #require(CommandSpans(.init(tracer: tracer, instrument: tracer), names: names))
        spans.inMemory = { [unowned self] in self.engine.inMemory($0) }
        happens(.started)
        happens(.producerReady)
        happens(.assigned([3]))
        let epoch = try #require(epoch)
        happens(.positionsFetched(epoch, Positions(committed: 0, metadata: nil, earliest: 0, end: 0)))
        happens(.barrierWritten(epoch, ledgerOffset: 0))
        happens(.restored(epoch, .init(ledger: SessionLedger(retention: .seconds(1_800))), at: wall))
    }

    private var wall: WallTime { WallTime(milliseconds: 1_700_000_000_000 + now.nanoseconds / 1_000_000) }

    /// As the shell does it.
    func happens(_ event: Event) {
        let effects = engine.handle(event, at: now)
        spans.happened(event)
        for effect in effects {
            spans.begins(effect)
            switch effect {
            case .assign(let epochs): epoch = epochs.first
            case .commit(let batch): self.batch = batch
            case .call(let id, _, _, _): sent = spans.headers(of: id)
            default: break
            }
        }
    }

    func pass(_ duration: Duration) {
        now = now + duration
        happens(.timeReached(wall: wall))
    }

    func id(_ offset: Int64) throws -> RecordID { RecordID(epoch: try #require(epoch), offset: offset) }

    func receive(_ offset: Int64, _ code: String, headers: [Header] = []) throws {
        let command = VerifyCommand(
            commandID: "c",
            sessionID: try #require(SessionID(Self.session)),
            phone: try #require(PhoneNumber(normalising: Self.phone)),
            code: try #require(OTPCode(trimming: code))
        )
        let fingerprint = Fingerprint(keyID: 1, high: 0, low: code.utf8.reduce(0) { $0 << 8 | UInt64($1) })
        let session = SessionDigest(high: 1, low: 1)
        try receive(offset, headers, .command(command, session: session, fingerprint: fingerprint))
    }

    func receiveUnusable(_ offset: Int64, headers: [Header]) throws {
        let rejection = Rejection(reason: .malformed, detail: "", commandID: "c", sessionID: nil)
        try receive(offset, headers, .unusable(rejection))
    }

    private func receive(_ offset: Int64, _ headers: [Header], _ content: ReceivedRecord.Content) throws {
        let record = ReceivedRecord(
            id: try id(offset),
            timestamp: wall,
            key: nil,
            headers: headers,
            content: content
        )
        happens(.received([record], at: wall))
    }

    func intentWritten(_ offset: Int64) throws { happens(.intentWritten(try id(offset), ledgerOffset: offset)) }

    func answered(_ offset: Int64, _ answer: UpstreamAnswer) throws { happens(.answered(try id(offset), answer)) }

    func committed() throws {
        let batch = try #require(batch)
        happens(.committed(batch.id, ledgerOffsets: batch.ledger.map { _ in nil }))
    }
}

extension UpstreamAnswer {
    static func code(_ code: Int) -> UpstreamAnswer { UpstreamAnswer(.answered(status: 200), body: Body(code: code)) }
}
