import OTPContract
import OTPEngine

/// Effects as lines that a person compares at a glance.
///
/// A call goes for 5 s unless it says otherwise.
///
/// Partition 0 goes without saying: `5` is its offset 5, `1/5` that of partition 1.
enum Line {
    static func lines(of effect: Effect) -> [String] {
        switch effect {
        case .subscribe: ["subscribe"]
        case .recreateConsumer(let wait): ["recreate consumer after \(wait.milliseconds) ms"]
        case .assign(let epochs): ["assign \(list(epochs))"]
        case .release(let partitions): ["release \(partitions.map(String.init).joined(separator: ","))"]
        case .pause(let epochs): ["pause \(list(epochs))"]
        case .unpause(let epochs): ["unpause \(list(epochs))"]
        case .resume(let epoch, let offset): ["resume \(epoch.partition) at \(offset)"]
        case .fetchPositions(let epochs, _): ["fetch positions \(list(epochs))"]
        case .writeBarrier(let epoch, _): ["barrier \(epoch.partition)"]
        case .readLedger(let epoch, let from, let barrier, let horizon, _):
            // The retention, and the longest time in which an intent may be asked under again.
            horizon.retention == .seconds(1_800 + 120)
                ? ["read ledger \(epoch.partition) \(from.map(String.init) ?? "start")...\(barrier)"]
                : [
                    "read ledger \(epoch.partition) \(from.map(String.init) ?? "start")...\(barrier) "
                        + "of \(horizon.retention.milliseconds) ms"
                ]
        case .fence(_, let ids): ["fence \(ids.joined(separator: ", "))"]
        case .writeIntent(let id, let record): ["intent \(text(id)) \(text(record))"]
        case .call(let id, _, _, .seconds(5)): ["call \(text(id))"]
        case .call(let id, _, _, let timeout): ["call \(text(id)) for \(timeout.milliseconds) ms"]
        case .replaceProducer(let choice, let wait): ["replace producer\(text(choice)) after \(wait.milliseconds) ms"]
        case .cancelCommit(let id): ["cancel \(id.counter)"]
        case .commit(let batch): lines(of: batch)
        case .resolveCommit(let id, let questions, _):
            questions.map { question in
                let finished = question.finished.sorted().map(String.init).joined(separator: ",")
                return
                    "ask \(question.epoch.partition) from \(question.from) whether \(id.counter) finished \(finished)"
            }
        // Asked again and again: nothing but what comes of it is of interest.
        case .fetchEnds: []
        case .wake, .report: []
        case .stop: ["stop"]
        }
    }

    private static func list(_ epochs: [PartitionEpoch]) -> String {
        epochs.map { String($0.partition) }.joined(separator: ",")
    }

    private static func text(_ choice: ProducerChoice) -> String {
        (choice.isAlternate ? " b" : "")
            + (choice.batchBytes == Limits.batchBytes ? "" : " of \(choice.batchBytes) bytes")
    }

    static func text(_ id: RecordID) -> String {
        id.epoch.partition == 0 ? "\(id.offset)" : "\(id.epoch.partition)/\(id.offset)"
    }

    // MARK: The transaction

    static func lines(of batch: Batch) -> [String] {
        var lines = ["commit \(batch.id.counter)"]
        lines += batch.results.map { "result \(text($0.record)) \(text($0.event))" }
        lines += batch.deadLetters.map { "dead letter \(text($0.record)) \($0.letter.reason.rawValue)" }
        // Notes decide nothing, and a barrier in a state's place goes without saying, so they are no lines.
        lines += batch.ledger.compactMap { write in
            guard let record = write.record else { return nil }
            if case .notes = record.content { return nil }
            return (write.partition == 0 ? "" : "\(write.partition)/") + text(record)
        }
        lines += batch.offsets.map(text)
        return lines
    }

    private static func text(_ event: ResultEvent) -> String {
        var words = [event.status.rawValue + "/" + event.reason.rawValue]
        if event.retryable { words.append("retryable") }
        if event.inDoubt { words.append("in_doubt") }
        if event.replayed { words.append("replayed") }
        if event.undeliverable { words.append("undeliverable") }
        if let code = event.code { words.append("code=\(code)") }
        if let status = event.httpStatus { words.append("http=\(status)") }
        words.append("calls=\(event.calls)")
        return words.joined(separator: " ")
    }

    /// `state s1 closed A=ok@5 B=?` where `?` is a code of which nothing but a doubt is known and `!` marks a doubt.
    private static func text(_ record: LedgerRecord) -> String {
        switch record.content {
        case .intent(let fingerprint, let source, _):
            return "\(record.session)/\(Sample.code(of: fingerprint))@\(source)"
        case .void(let fingerprint): return "void \(record.session)/\(Sample.code(of: fingerprint))"
        case .notes: return "notes \(record.session)"
        case .unreadable: return "unreadable \(record.session)"
        case .state(let codes, let isClosed):
            let words = codes.map { code in
                let known = code.outcome.map { "\($0.reason.rawValue)@\(code.source)" } ?? "?"
                return "\(Sample.code(of: code.fingerprint))=\(known)\(code.isDoubtful ? "!" : "")"
            }
            return (["state \(record.session)"] + (isClosed ? ["closed"] : []) + words).joined(separator: " ")
        }
    }

    private static func text(_ offset: Batch.Offset) -> String {
        guard let metadata = OffsetMetadata(offset.metadata), metadata.committedOffset == offset.offset,
            metadata.clusterID == Transcript.cluster
        else { return "offset \(offset.epoch.partition)=\(offset.offset) with unusable metadata" }
        let finished =
            metadata.finished.isEmpty ? "" : " finished " + metadata.finished.map(String.init).joined(separator: ",")
        return "offset \(offset.epoch.partition)=\(offset.offset) ledger \(metadata.ledgerOffset)\(finished)"
    }
}
