import OTPContract

/// A partition's sessions, a million of them in about a hundred megabytes.
///
/// Nearly all are at rest: one code, concluded and committed, nothing open. Those lie packed in 64 bytes each; the few that are
/// being worked on, or hold more, lie unpacked. Nobody outside sees the difference.
struct SessionStore: Sendable {
    /// By the lower half of the digest: where a packed session lies.
    private var indices: [UInt64: UInt32] = [:]
    private var packed: [PackedSession] = []
    private var free: [UInt32] = []
    private var unpacked: [SessionDigest: SessionEntry] = [:]
    private var words = PackedSession.Words()

    var count: Int { packed.count - free.count + unpacked.count }
    /// Sessions of which some answer was lost.
    private(set) var inDoubt = 0

    /// Every session that has an intent: none of those is packed.
    var withIntents: [SessionDigest] { unpacked.filter { !$0.value.intents.isEmpty }.map(\.key) }

    /// Every code that was concluded with a phone's digest noted.
    func forEachOfAPhone(_ body: (CodeState, PhoneDigest) -> Void) {
        for session in packed where session.note?.value.phone != nil {
            for code in session.unpacked(words).codes { if let phone = code.note?.phone { body(code, phone) } }
        }
        for entry in unpacked.values {
            for code in entry.codes { if let phone = code.note?.phone { body(code, phone) } }
        }
    }

    subscript(session: SessionDigest) -> SessionEntry? {
        if let index = index(of: session) { return packed[Int(index)].unpacked(words) }
        return unpacked[session]
    }

    func isAlive(_ session: SessionDigest, at offset: Int64) -> Bool {
        if let index = index(of: session) { return packed[Int(index)].stateOffset == offset }
        return unpacked[session]?.isAlive(at: offset) ?? false
    }

    /// Changes a session, which begins empty if it is new and is forgotten if nothing is left of it.
    mutating func update(_ session: SessionDigest, _ change: (inout SessionEntry) -> Void) {
        let index = index(of: session)
        var entry =
            index.map { packed[Int($0)].unpacked(words) } ?? unpacked.removeValue(forKey: session) ?? SessionEntry()
        inDoubt += Self.apply(change, to: &entry)
        if entry.isEmpty {
            if let index { release(index, session) }
        } else if let rested = PackedSession(entry, high: session.high, &words) {
            if let index {
                packed[Int(index)] = rested
            } else if indices[session.low] == nil {
                keep(rested, session)
            } else {
                // Two sessions with one lower half are possible, if not likely: the second stays unpacked.
                unpacked[session] = entry
            }
        } else {
            if let index { release(index, session) }
            unpacked[session] = entry
        }
    }

    /// - Returns: by how many more sessions are in doubt for it.
    private static func apply(_ change: (inout SessionEntry) -> Void, to entry: inout SessionEntry) -> Int {
        let wasInDoubt = entry.hasLostAnswer
        change(&entry)
        return (entry.hasLostAnswer ? 1 : 0) - (wasInDoubt ? 1 : 0)
    }

    mutating func remove(_ session: SessionDigest) {
        if self[session]?.hasLostAnswer == true { inDoubt -= 1 }
        if let index = index(of: session) { release(index, session) } else { unpacked[session] = nil }
    }

    private func index(of session: SessionDigest) -> UInt32? {
        guard let index = indices[session.low], packed[Int(index)].high == session.high else { return nil }
        return index
    }

    private mutating func keep(_ rested: PackedSession, _ session: SessionDigest) {
        if let index = free.popLast() {
            packed[Int(index)] = rested
            indices[session.low] = index
        } else {
            indices[session.low] = UInt32(packed.count)
            packed.append(rested)
        }
    }

    private mutating func release(_ index: UInt32, _ session: SessionDigest) {
        indices[session.low] = nil
        packed[Int(index)].note = nil
        free.append(index)
    }
}

/// A session at rest.
struct PackedSession: Sendable {
    /// What repeats from session to session: key ids and messages, each kept once.
    struct Words: Sendable {
        /// Messages beyond this many are not packed: an upstream that makes up a new one each time costs memory, not sense.
        static let maximumMessages = 1_024
        static let maximumKeys = 250

        private(set) var keys: [UInt32] = []
        private(set) var messages: [String] = []
        private var messageIndex: [String: UInt16] = [:]

        mutating func index(ofKey key: UInt32) -> UInt8? {
            if let index = keys.firstIndex(of: key) { return UInt8(index) }
            guard keys.count < Self.maximumKeys else { return nil }
            keys.append(key)
            return UInt8(keys.count - 1)
        }

        mutating func index(ofMessage message: String) -> UInt16? {
            if let index = messageIndex[message] { return index }
            guard messages.count < Self.maximumMessages else { return nil }
            messages.append(message)
            messageIndex[message] = UInt16(messages.count - 1)
            return UInt16(messages.count - 1)
        }
    }

    private struct Flags: OptionSet {
        let rawValue: UInt8
        static let retryable = Flags(rawValue: 1)
        static let answerInDoubt = Flags(rawValue: 2)
        static let doubtful = Flags(rawValue: 4)
        static let closed = Flags(rawValue: 8)
        static let code = Flags(rawValue: 16)
        static let httpStatus = Flags(rawValue: 32)
        static let message = Flags(rawValue: 64)
    }

    /// A note in a box of its own, for most sessions have none.
    final class Box: Sendable {
        let value: CodeState.Note

        init(_ value: CodeState.Note) { self.value = value }
    }

    /// The digest's upper half.
    let high: UInt64
    fileprivate(set) var note: Box?
    let stateOffset: Int64
    private let fingerprintHigh: UInt64
    private let fingerprintLow: UInt64
    private let source: Int64
    private let time: Int64
    private let code: Int32
    private let httpStatus: UInt16
    private let message: UInt16
    private let key: UInt8
    private let reason: UInt8
    private let flags: Flags

    /// Packs an entry; nil when it holds more than fits.
    init?(_ entry: SessionEntry, high: UInt64, _ words: inout Words) {
        guard let (state, offset) = entry.rested, let outcome = state.outcome, let reason = outcome.reason.code,
            let code = Int32(exactly: outcome.code ?? 0), let status = UInt16(exactly: outcome.httpStatus ?? 0),
            let key = words.index(ofKey: state.fingerprint.keyID)
        else { return nil }
        var flags: Flags = []
        var index: UInt16 = 0
        if let text = outcome.message {
            guard let known = words.index(ofMessage: text) else { return nil }
            index = known
            flags.insert(.message)
        }
        if outcome.retryable { flags.insert(.retryable) }
        if outcome.inDoubt { flags.insert(.answerInDoubt) }
        if state.isDoubtful { flags.insert(.doubtful) }
        if entry.isClosed { flags.insert(.closed) }
        if outcome.code != nil { flags.insert(.code) }
        if outcome.httpStatus != nil { flags.insert(.httpStatus) }
        self.high = high
        note = state.note.map { Box($0) }
        stateOffset = offset
        fingerprintHigh = state.fingerprint.high
        fingerprintLow = state.fingerprint.low
        source = state.source
        time = state.time.milliseconds
        self.code = code
        httpStatus = status
        message = index
        self.key = key
        self.reason = reason
        self.flags = flags
    }

    func unpacked(_ words: Words) -> SessionEntry {
        guard let reason = Reason(code: reason) else { preconditionFailure("packed from a reason that has a code") }
        let outcome = Outcome(
            reason,
            retryable: flags.contains(.retryable),
            inDoubt: flags.contains(.answerInDoubt),
            code: flags.contains(.code) ? Int(code) : nil,
            message: flags.contains(.message) ? words.messages[Int(message)] : nil,
            httpStatus: flags.contains(.httpStatus) ? Int(httpStatus) : nil
        )
        let state = CodeState(
            fingerprint: Fingerprint(keyID: words.keys[Int(key)], high: fingerprintHigh, low: fingerprintLow),
            outcome: outcome,
            source: source,
            isDoubtful: flags.contains(.doubtful),
            time: WallTime(milliseconds: time),
            note: note?.value
        )
        return SessionEntry(rested: state, isClosed: flags.contains(.closed), at: stateOffset)
    }
}
