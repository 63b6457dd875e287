package import OTPContract

/// One code of a session, as the ledger's state record holds it.
package struct CodeState: Equatable, Sendable {
    package var fingerprint: Fingerprint
    /// Nil while nothing but a doubt is known.
    package var outcome: Outcome?
    /// The source offset of the record that concluded it; -1 while none did.
    package var source: Int64
    /// An attempt may have been processed without our learning the answer.
    ///
    /// Cleared only by a `verified` of the session.
    package var isDoubtful: Bool
    package var time: WallTime
    /// What else is known of the record that concluded it.
    package var note: Note?

    /// It lies beside the state, for it changes no decision about the session: who cannot read it loses nothing but this.
    package struct Note: Equatable, Sendable {
        /// The command's own id; nil when it was named by its coordinates.
        package var commandID: String?
        /// Where wrong codes are counted by phone.
        package var phone: PhoneDigest?

        package init(commandID: String? = nil, phone: PhoneDigest? = nil) {
            self.commandID = commandID
            self.phone = phone
        }
    }

    package init(
        fingerprint: Fingerprint,
        outcome: Outcome? = nil,
        source: Int64 = -1,
        isDoubtful: Bool = false,
        time: WallTime,
        note: Note? = nil
    ) {
        self.note = note
        self.fingerprint = fingerprint
        self.outcome = outcome
        self.source = source
        self.isDoubtful = isDoubtful
        self.time = time
    }

    /// Concluded by the record at `source` or a later one, so an intent of that record is void.
    func hasOutcome(since source: Int64) -> Bool { outcome != nil && self.source >= source }
}

/// "We are about to ask": written before a call, so that a crash between call and record is visible.
package struct Intent: Equatable, Sendable {
    package var fingerprint: Fingerprint
    /// The source offset of the record that asks.
    package var source: Int64
    package var ledgerOffset: Int64
    /// An earlier owner left it open: a call may have been made whose answer was lost.
    package var isInherited = false
}

/// What is known of one session.
package struct SessionEntry: Equatable, Sendable {
    package private(set) var codes: [CodeState] = []
    /// Not yet void by what is committed.
    package private(set) var intents: [Intent] = []
    /// Some code of it was verified.
    package private(set) var isClosed = false
    package private(set) var lastTime = WallTime(milliseconds: 0)
    /// Where its last committed state lies; nil while none does.
    private var stateOffset: Int64?
    /// Where a record of it lies that could not be read (of a newer version).
    private var unreadableOffset: Int64?

    package init() {}

    /// One that is at rest: see ``rested``.
    init(rested state: CodeState, isClosed: Bool, at offset: Int64) {
        codes = [state]
        self.isClosed = isClosed
        lastTime = state.time
        stateOffset = offset
    }

    /// The whole of it, where that is one concluded code and where its committed state lies; nil when it is more than that.
    var rested: (state: CodeState, offset: Int64)? {
        guard codes.count == 1, intents.isEmpty, unreadableOffset == nil, let stateOffset, lastTime == codes[0].time,
            codes[0].outcome != nil
        else { return nil }
        return (codes[0], stateOffset)
    }

    package var isEmpty: Bool { codes.isEmpty && intents.isEmpty && !isClosed }

    package func code(_ fingerprint: Fingerprint) -> CodeState? { codes.first { $0.fingerprint == fingerprint } }

    /// An earlier owner may have asked, and nothing concluded the code since.
    ///
    /// An intent of this owner's own is never that: it knows what its calls came to.
    package func hasOpenIntent(_ fingerprint: Fingerprint) -> Bool {
        let known = code(fingerprint)
        return intents.contains {
            $0.fingerprint == fingerprint && $0.isInherited && known?.hasOutcome(since: $0.source) != true
        }
    }

    /// The newest record that an intent or an outcome of it comes from; -1 when there is none.
    var newestSource: Int64 { max(intents.map(\.source).max() ?? -1, codes.map(\.source).max() ?? -1) }

    /// The record at `source` has an intent, no matter who wrote it.
    func hasIntent(_ fingerprint: Fingerprint, source: Int64) -> Bool {
        intents.contains { $0.fingerprint == fingerprint && $0.source == source }
    }

    /// An earlier attempt's answer was lost, whichever key it was made with.
    var hasLostAnswer: Bool { codes.contains(where: \.isDoubtful) }

    /// An earlier attempt's answer was lost, or there are entries that this worker's key cannot read.
    package func isInDoubt(keyID: UInt32) -> Bool {
        codes.contains { $0.isDoubtful || $0.fingerprint.keyID != keyID }
            || intents.contains { $0.fingerprint.keyID != keyID }
    }

    /// Whether anything but this code is in doubt.
    package func isAnotherInDoubt(than fingerprint: Fingerprint) -> Bool {
        codes.contains {
            $0.fingerprint != fingerprint && ($0.isDoubtful || $0.fingerprint.keyID != fingerprint.keyID)
        }
            || intents.contains { $0.fingerprint.keyID != fingerprint.keyID }
    }

    /// Codes asked about, this one aside.
    package func otherCodes(than fingerprint: Fingerprint) -> Int {
        // What could not be read is a doubt, and no code that anybody typed.
        var count = codes.count { $0.fingerprint != fingerprint && $0.fingerprint != .unreadable }
        for intent in intents where intent.fingerprint != fingerprint && code(intent.fingerprint) == nil { count += 1 }
        return count
    }

    /// Whether the ledger record at this offset still counts.
    func isAlive(at offset: Int64) -> Bool {
        stateOffset == offset || unreadableOffset == offset || intents.contains { $0.ledgerOffset == offset }
    }

    mutating func opened(_ intent: Intent, at time: WallTime) {
        lastTime = max(lastTime, time)
        // Void once the state shows this code concluded at that record or a later one.
        if stateOffset != nil, code(intent.fingerprint)?.hasOutcome(since: intent.source) == true { return }
        intents.removeAll { $0.fingerprint == intent.fingerprint }
        intents.append(intent)
    }

    mutating func doubted(_ fingerprint: Fingerprint, at time: WallTime) {
        lastTime = max(lastTime, time)
        if let index = codes.firstIndex(where: { $0.fingerprint == fingerprint }) {
            codes[index].isDoubtful = true
        } else {
            codes.append(CodeState(fingerprint: fingerprint, isDoubtful: true, time: time))
        }
    }

    mutating func concluded(
        _ fingerprint: Fingerprint,
        as outcome: Outcome,
        source: Int64,
        note: CodeState.Note? = nil,
        at time: WallTime
    ) {
        lastTime = max(lastTime, time)
        let index = codes.firstIndex { $0.fingerprint == fingerprint } ?? codes.endIndex
        if index == codes.endIndex { codes.append(CodeState(fingerprint: fingerprint, time: time)) }
        codes[index].outcome = outcome
        codes[index].source = source
        codes[index].note = note
        codes[index].time = time
        if outcome.isVerified { close(by: fingerprint) }
    }

    private mutating func close(by fingerprint: Fingerprint) {
        isClosed = true
        unreadableOffset = nil
        // Entries under another key held nothing but doubt for us, and `verified` ends all doubt.
        codes.removeAll { $0.fingerprint.keyID != fingerprint.keyID }
        intents.removeAll { $0.fingerprint.keyID != fingerprint.keyID }
        for index in codes.indices { codes[index].isDoubtful = false }
    }

    mutating func committed(_ state: [CodeState], ledgerOffset: Int64) {
        stateOffset = max(stateOffset ?? ledgerOffset, ledgerOffset)
        voidIntents(by: state)
    }

    mutating func voided(_ fingerprint: Fingerprint, upTo source: Int64) {
        intents.removeAll { $0.fingerprint == fingerprint && $0.source <= source }
    }

    mutating func restored(_ codes: [CodeState], isClosed: Bool, ledgerOffset: Int64) {
        // An older version writes the state without the notes; those of the same outcome still hold.
        let noted = self.codes.filter { $0.note != nil }
        self.codes = codes
        for code in noted { note(code.note, of: code.fingerprint, source: code.source) }
        self.isClosed = isClosed
        stateOffset = ledgerOffset
        unreadableOffset = nil
        for code in codes { lastTime = max(lastTime, code.time) }
        voidIntents(by: codes)
    }

    /// What is known of the record at `source`, if it is the one that concluded the code.
    mutating func note(_ note: CodeState.Note?, of fingerprint: Fingerprint, source: Int64) {
        guard let index = codes.firstIndex(where: { $0.fingerprint == fingerprint && $0.source == source }) else {
            return
        }
        codes[index].note = note
    }

    /// The notes of its codes, as a ledger record holds them.
    var notes: [LedgerRecord.CodeNote] {
        codes.compactMap { code in
            code.note.map { LedgerRecord.CodeNote(fingerprint: code.fingerprint, source: code.source, note: $0) }
        }
    }

    /// Whatever it said is in doubt from now on, also for the owners to come: the next state takes its place in the ledger.
    mutating func unreadable(ledgerOffset: Int64, at time: WallTime) {
        doubted(.unreadable, at: time)
        unreadableOffset = ledgerOffset
    }

    /// Anyone who wrote them is gone, and may have asked.
    mutating func doubtOpenIntents() {
        for index in intents.indices {
            intents[index].isInherited = true
            doubted(intents[index].fingerprint, at: lastTime)
        }
    }

    private mutating func voidIntents(by state: [CodeState]) {
        intents.removeAll { intent in
            state.contains { $0.fingerprint == intent.fingerprint && $0.hasOutcome(since: intent.source) }
        }
    }
}
