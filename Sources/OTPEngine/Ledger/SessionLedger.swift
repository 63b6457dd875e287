import DequeModule
package import OTPContract

/// What a partition's ledger knows of its sessions: which codes were asked about, what they came to, what is in doubt,
/// and which of its records must still be readable for the next owner to know it too.
///
/// It never reads a clock or a topic.
package struct SessionLedger: Sendable {
    /// How long a session is remembered after its last record in the ledger.
    package let retention: Duration
    private var sessions = SessionStore()
    private var guesses = Guesses()
    /// Ledger offsets in ascending order, with whose they are.
    ///
    /// An entry that has moved on leaves its old offsets behind; they are dropped when they come to the front.
    private var order: Deque<Mark> = []

    /// How many marks there may be before those left behind are dropped wherever they lie.
    private var sweepAt = SessionLedger.firstSweep
    private static let firstSweep = 4_096

    private struct Mark: Sendable {
        var offset: Int64
        var session: SessionDigest
    }

    package init(retention: Duration) { self.retention = retention }

    package var count: Int { sessions.count }

    /// Sessions of which some answer was lost.
    package var inDoubt: Int { sessions.inDoubt }

    package subscript(session: SessionDigest) -> SessionEntry { sessions[session] ?? SessionEntry() }

    /// The ledger offset of the oldest entry still alive; nil when none is.
    package var oldestOffset: Int64? { order.first?.offset }

    // MARK: What this worker does

    /// An intent was acknowledged at `ledgerOffset`: a crash from here on is visible.
    package mutating func acknowledged(
        _ fingerprint: Fingerprint,
        of session: SessionDigest,
        source: Int64,
        ledgerOffset: Int64,
        at time: WallTime
    ) {
        let intent = Intent(fingerprint: fingerprint, source: source, ledgerOffset: ledgerOffset)
        sessions.update(session) { $0.opened(intent, at: time) }
        mark(ledgerOffset, session)
        prune()
    }

    package mutating func doubted(_ fingerprint: Fingerprint, of session: SessionDigest, at time: WallTime) {
        sessions.update(session) { $0.doubted(fingerprint, at: time) }
    }

    /// The code came to `outcome` at the record `source`.
    ///
    /// Its intents stay until the state is committed.
    package mutating func concluded(
        _ fingerprint: Fingerprint,
        of session: SessionDigest,
        as outcome: Outcome,
        source: Int64,
        note: CodeState.Note? = nil,
        at time: WallTime
    ) {
        sessions.update(session) { $0.concluded(fingerprint, as: outcome, source: source, note: note, at: time) }
        if outcome.reason == .wrongCode, let phone = note?.phone { guesses.wrong(phone, at: time) }
    }

    /// Wrong codes of this phone since then, whatever the session, as far as this partition's ledger reaches.
    package func wrongCodes(of phone: PhoneDigest, since time: WallTime) -> Int {
        guesses.count(of: phone, since: time)
    }

    /// The session's state was committed at `ledgerOffset` (or, when the broker did not say, not before it), which voids the
    /// intents that `state` shows concluded.
    package mutating func committed(_ state: [CodeState], of session: SessionDigest, ledgerOffset: Int64) {
        guard sessions[session] != nil else { return }
        sessions.update(session) { $0.committed(state, ledgerOffset: ledgerOffset) }
        mark(ledgerOffset, session)
        prune()
    }

    /// A tombstone for the intent was committed: nothing was asked.
    package mutating func voided(_ fingerprint: Fingerprint, of session: SessionDigest, source: Int64) {
        sessions.update(session) { $0.voided(fingerprint, upTo: source) }
        prune()
    }

    // MARK: What a restore reads

    /// Applies one record of the ledger, in the order of its partition; `timestamp` is the broker's.
    package mutating func restore(
        _ content: LedgerRecord.Content,
        session: SessionDigest,
        ledgerOffset: Int64,
        timestamp: WallTime
    ) {
        switch content {
        case .intent(let fingerprint, let source, let time):
            let intent = Intent(fingerprint: fingerprint, source: source, ledgerOffset: ledgerOffset)
            sessions.update(session) { $0.opened(intent, at: time) }
        case .void(let fingerprint):
            sessions.update(session) { $0.voided(fingerprint, upTo: .max) }
        case .state(let codes, let isClosed):
            sessions.update(session) { $0.restored(codes, isClosed: isClosed, ledgerOffset: ledgerOffset) }
        case .notes(let notes):
            sessions.update(session) { entry in
                for note in notes { entry.note(note.note, of: note.fingerprint, source: note.source) }
            }
            // They live and die with the state before them.
            return
        case .unreadable:
            sessions.update(session) { $0.unreadable(ledgerOffset: ledgerOffset, at: timestamp) }
        }
        mark(ledgerOffset, session)
    }

    /// The restore is over: an intent still open was left by a crash (or by an owner cut off), so its code is in doubt.
    package mutating func restoreEnded() {
        for session in sessions.withIntents { sessions.update(session) { $0.doubtOpenIntents() } }
        sessions.forEachOfAPhone { code, phone in
            if code.outcome?.reason == .wrongCode { guesses.wrong(phone, at: code.time) }
        }
        prune()
    }

    // MARK: Forgetting

    /// Forgets up to `limit` sessions whose last record is older than the retention.
    ///
    /// Nothing that comes from a record not below the `committed` offset is forgotten, neither its intent nor what its
    /// code came to (a state may be committed before the record's own result is): that record's next owner must see it.
    /// - Returns: how many were forgotten.
    package mutating func expire(at time: WallTime, committed: Int64, limit: Int) -> Int {
        var forgotten = 0
        let oldest = time.milliseconds - retention.milliseconds
        while forgotten < limit, let mark = order.first {
            guard sessions.isAlive(mark.session, at: mark.offset), let entry = sessions[mark.session] else {
                order.removeFirst()
                continue
            }
            guard entry.lastTime.milliseconds < oldest, entry.newestSource < committed else { break }
            sessions.remove(mark.session)
            for code in entry.codes {
                if let phone = code.note?.phone { guesses.forget(phone, before: WallTime(milliseconds: oldest)) }
            }
            order.removeFirst()
            forgotten += 1
        }
        prune()
        return forgotten
    }

    private mutating func mark(_ offset: Int64, _ session: SessionDigest) {
        // Offsets arrive almost in order (acknowledgements and commits overtake each other by a few), so this is a step or two.
        var index = order.endIndex
        while index > order.startIndex, order[index - 1].offset > offset { index -= 1 }
        order.insert(Mark(offset: offset, session: session), at: index)
        guard order.count >= sweepAt else { return }
        order.removeAll { !sessions.isAlive($0.session, at: $0.offset) }
        // Half as many again until the next time: the sweep costs each mark a step or two in all.
        sweepAt = max(Self.firstSweep, order.count * 3 / 2)
    }

    private mutating func prune() {
        while let mark = order.first, !sessions.isAlive(mark.session, at: mark.offset) { order.removeFirst() }
    }
}
