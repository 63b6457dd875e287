package import OTPContract
package import OTPEngine
package import Tracing

/// The spans of each command, for the tracer that the program has installed: `consume`, from receiving the command until its result is
/// committed, and within it `ledger`, `attempt 1` and so on, and `commit`.
///
/// It is fed with what happened and with what is to be done about it, and decides nothing. A command's spans begin when the first thing is
/// to be done about it, dated back, so that records that are ignored or held leave none. Nothing of a command is told but its coordinates and
/// what it came to: no code, no phone number, no session.
///
/// Confined to the event loop.
package final class CommandSpans {
    /// What the spans call the two ends.
    package struct Names: Sendable {
        package var topics: WorkerConfiguration.Topics
        package var group: String
        /// The upstream's host and port, and the whole URL that is called.
        package var host: String
        package var port: Int
        package var url: String

        package init(topics: WorkerConfiguration.Topics, group: String, host: String, port: Int, url: String) {
            self.topics = topics
            self.group = group
            self.host = host
            self.port = port
            self.url = url
        }
    }

    /// What the program has installed, as seen by the task that asks.
    package struct Installed: Sendable {
        package var tracer: any Tracer
        /// Carries contexts into and out of headers: the tracer itself, or several of which it is one.
        package var instrument: any Instrument

        package init(tracer: any Tracer, instrument: any Instrument) {
            self.tracer = tracer
            self.instrument = instrument
        }

        package static var current: Installed {
            Installed(tracer: InstrumentationSystem.tracer, instrument: InstrumentationSystem.instrument)
        }
    }

    /// A record that is in memory, and when it was received.
    package var inMemory: (RecordID) -> (record: ReceivedRecord, since: WallTime)? = { _ in nil }

    private let tracer: any Tracer
    private let instrument: any Instrument
    private let names: Names
    private var traces: [RecordID: Trace] = [:]
    /// The records of the open transaction.
    private var open: (batch: BatchID, records: [RecordID])?

    private struct Trace {
        let consume: any Span
        var ledger: (any Span)?
        var attempt: (any Span)?
        var attempts = 0
        var commit: (any Span)?
    }

    /// Nil where no tracer is installed: then there is nothing to be fed, and nothing is spent.
    package init?(_ installed: Installed, names: Names) {
        guard !(installed.tracer is NoOpTracer) else { return nil }
        tracer = installed.tracer
        instrument = installed.instrument
        self.names = names
    }

    // MARK: What happened

    /// To be told of each event once the engine has taken it, before anything is done about it.
    package func happened(_ event: Event) {
        switch event {
        case .answered(let id, let answer): answered(id, answer)
        case .committed(let batch, _): ended(batch, failure: nil)
        case .commitAborted(let batch, let cause, _, _, _): ended(batch, failure: cause.rawValue)
        case .commitUnknown(let batch, let isFenced, _): ended(batch, failure: isFenced ? "fenced" : "unknown")
        case .commitResolved, .lost, .consumerFailed: endThoseGone()
        case .started, .assigned, .revoked, .coordinatorHeard, .consumerRecreated, .partitionsCounted,
            .positionsFetched, .barrierWritten, .barrierFailed, .restoreHeldUp, .restored, .restoreFailed, .received,
            .reachedEnd, .partitionUnreadable, .partitionUndecodable, .endsFetched, .intentWritten, .intentFailed,
            .intentProducer, .outputsLooked, .batchLimitRead, .keyReplaced, .producerReady, .producerFailed,
            .timeReached, .drainRequested:
            break
        }
    }

    private func answered(_ id: RecordID, _ answer: UpstreamAnswer) {
        guard let span = traces[id]?.attempt.take() else { return }
        let judged = AnswerClass(answer)
        var failure: String?
        switch answer.transport {
        case .answered(let status):
            span.attributes["http.response.status_code"] = status
            if status >= 400 { failure = "\(status)" }
        case .notSent(let reason), .unknown(let reason): failure = reason.rawValue
        }
        span.attributes["otp.answer"] = judged.name
        if let failure { span.attributes["error.type"] = failure }
        if judged.isTrouble { span.setStatus(SpanStatus(code: .error, message: judged.name)) }
        span.end()
        // What was withheld was no attempt.
        if judged == .withheld { traces[id]?.attempts -= 1 }
    }

    private func ended(_ batch: BatchID, failure: String?) {
        guard let open, open.batch == batch else { return }
        self.open = nil
        for id in open.records {
            if let span = traces[id]?.commit.take() { end(span, failure: failure) }
            if inMemory(id) == nil { finish(id, failure: failure) }
        }
    }

    /// Records that another worker will answer, or that a transaction of unknown end turned out to hold.
    private func endThoseGone() {
        for id in traces.keys where inMemory(id) == nil { finish(id, failure: nil) }
    }

    // MARK: What is to be done

    /// To be told of each effect before it is carried out.
    package func begins(_ effect: Effect) {
        switch effect {
        case .writeIntent(let id, _):
            begin(id)
            traces[id]?.ledger?.addEvent("intent written")
        case .call(let id, _, _, _):
            begin(id)
            decided(id, "ask")
            beginAttempt(id)
        case .report(.concluded(let id, let reason, let replayed, let inDoubt)):
            begin(id)
            decided(id, replayed ? "replay" : "answer")
            concluded(id, reason, replayed, inDoubt)
        case .commit(let batch): beginCommit(batch)
        case .release: endThoseGone()
        case .stop: for id in traces.keys { finish(id, failure: "stopped") }
        case .subscribe, .recreateConsumer, .assign, .pause, .unpause, .resume, .fetchPositions, .writeBarrier,
            .readLedger, .fence, .fetchEnds, .replaceProducer, .cancelCommit, .resolveCommit, .wake, .report:
            break
        }
    }

    private func begin(_ id: RecordID) {
        guard traces[id] == nil, let (record, since) = inMemory(id) else { return }
        var context = InstrumentationContext.topLevel
        instrument.extract(record.headers, into: &context, using: HeaderFields())
        let start = DefaultTracerClock.Timestamp(nanosecondsSinceEpoch: UInt64(max(since.milliseconds, 0)) * 1_000_000)
        let consume = tracer.startSpan("consume", context: context, ofKind: .consumer, at: start)
        consume.attributes["messaging.system"] = "kafka"
        consume.attributes["messaging.operation.name"] = "consume"
        consume.attributes["messaging.operation.type"] = "process"
        consume.attributes["messaging.destination.name"] = names.topics.commands
        consume.attributes["messaging.destination.partition.id"] = "\(id.epoch.partition)"
        consume.attributes["messaging.kafka.offset"] = id.offset
        consume.attributes["messaging.consumer.group.name"] = names.group
        var trace = Trace(consume: consume)
        // What is no command has no session to be looked up.
        if case .command = record.content {
            trace.ledger = tracer.startSpan("ledger", context: consume.context, ofKind: .internal, at: start)
        }
        traces[id] = trace
    }

    private func decided(_ id: RecordID, _ decision: String) {
        guard let span = traces[id]?.ledger.take() else { return }
        span.attributes["otp.ledger.decision"] = decision
        span.end()
    }

    private func beginAttempt(_ id: RecordID) {
        guard var trace = traces[id] else { return }
        trace.attempts += 1
        let span = tracer.startSpan("attempt \(trace.attempts)", context: trace.consume.context, ofKind: .client)
        span.attributes["http.request.method"] = "POST"
        span.attributes["server.address"] = names.host
        span.attributes["server.port"] = names.port
        span.attributes["url.full"] = names.url
        if trace.attempts > 1 { span.attributes["http.request.resend_count"] = trace.attempts - 1 }
        trace.attempt = span
        traces[id] = trace
    }

    private func concluded(_ id: RecordID, _ reason: Reason, _ replayed: Bool, _ inDoubt: Bool) {
        guard let span = traces[id]?.consume else { return }
        span.attributes["otp.status"] = reason.status.rawValue
        span.attributes["otp.reason"] = reason.rawValue
        span.attributes["otp.replayed"] = replayed
        span.attributes["otp.in_doubt"] = inDoubt
        if reason.status == .failed { span.setStatus(SpanStatus(code: .error, message: reason.rawValue)) }
    }

    private func beginCommit(_ batch: Batch) {
        open = (batch.id, batch.results.map(\.record))
        for result in batch.results {
            guard let consume = traces[result.record]?.consume else { continue }
            let span = tracer.startSpan("commit", context: consume.context, ofKind: .producer)
            span.attributes["messaging.system"] = "kafka"
            span.attributes["messaging.operation.name"] = "commit"
            span.attributes["messaging.operation.type"] = "send"
            // Where a reply goes is decided later.
            if result.reply == nil { span.attributes["messaging.destination.name"] = names.topics.results }
            span.attributes["messaging.batch.message_count"] = batch.results.count
            traces[result.record]?.commit = span
        }
    }

    private func finish(_ id: RecordID, failure: String?) {
        guard let trace = traces.removeValue(forKey: id) else { return }
        for span in [trace.ledger, trace.attempt, trace.commit] {
            if let span { end(span, failure: "abandoned") }
        }
        end(trace.consume, failure: failure)
    }

    private func end(_ span: any Span, failure: String?) {
        if let failure {
            span.attributes["error.type"] = failure
            span.setStatus(SpanStatus(code: .error, message: failure))
        }
        span.end()
    }
}

extension CommandSpans {
    /// What an attempt that begins sends along instead of the command's own headers; nil where the instrument speaks no
    /// W3C Trace Context, and the command's own go on.
    package func headers(of id: RecordID) -> [Header]? {
        guard let trace = traces[id] else { return nil }
        var headers: [Header] = []
        instrument.inject((trace.attempt ?? trace.consume).context, into: &headers, using: HeaderFields())
        return headers.contains { $0.name == TraceParent.name } ? headers : nil
    }
}

/// Record headers as what an instrument reads from and writes to.
private struct HeaderFields: Extractor, Injector {
    func extract(key: String, from carrier: [Header]) -> String? {
        let name = key.lowercased()
        return carrier.first { $0.name == name }?.value.map { String(decoding: $0, as: UTF8.self) }
    }

    func inject(_ value: String, forKey key: String, into carrier: inout [Header]) {
        carrier.append(Header(name: key.lowercased(), text: value))
    }
}
