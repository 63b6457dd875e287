package import OTPContract

/// One record of the ledger topic.
///
/// Intents, states and notes live under keys that cannot overwrite each other. A version that does not know notes passes over them
/// as none of its records, and so reads the states beside them as ever.
///
/// Binary, version 1, integers little-endian, `v` variable-length (LEB128; zigzag where signed):
/// ```
/// key    'i' session-utf8 keyID:u32 fingerprint:16        intent (a null value voids it)
///        's' session-utf8                                 state
/// intent 1 source:v time-ms:v
/// state  1 flags(1 = closed) count:v then per code:
///          keyID:u32 fingerprint:16 flags source:v time-ms:v [reason:u8 [code:v] [http:v] [length:v message]]
/// key    'n' session-utf8                                 notes on the state, written after it
/// notes  1 count:v then per code:
///          keyID:u32 fingerprint:16 flags(1 = command id, 2 = phone) source:v [length:v command-id] [phone:u64]
/// ```
package struct LedgerRecord: Equatable, Sendable {
    package enum Content: Equatable, Sendable {
        /// The record at `source` is about to be asked about.
        case intent(Fingerprint, source: Int64, time: WallTime)
        /// The intent is taken back: nothing was asked.
        case void(Fingerprint)
        /// The whole session, so that compaction may drop older ones.
        case state([CodeState], isClosed: Bool)
        /// On the records that concluded the codes of the state.
        case notes([CodeNote])
        /// Written by a version that this one does not know, or damaged.
        case unreadable
    }

    /// A note, with the code and the record that it is about.
    package struct CodeNote: Equatable, Sendable {
        package var fingerprint: Fingerprint
        package var source: Int64
        package var note: CodeState.Note

        package init(fingerprint: Fingerprint, source: Int64, note: CodeState.Note) {
            self.fingerprint = fingerprint
            self.source = source
            self.note = note
        }
    }

    package var session: SessionID
    package var content: Content

    package init(session: SessionID, content: Content) {
        self.session = session
        self.content = content
    }
}

extension LedgerRecord {
    static let version: UInt8 = 1
    private static let intentKind = UInt8(ascii: "i")
    private static let stateKind = UInt8(ascii: "s")
    private static let notesKind = UInt8(ascii: "n")
    private static let fingerprintBytes = 20
    /// A state's value never holds more than this many codes: what claims more is damaged.
    static let maximumCodes = 4_096

    private struct CodeFlags: OptionSet {
        let rawValue: UInt8
        static let doubtful = CodeFlags(rawValue: 1)
        static let hasOutcome = CodeFlags(rawValue: 2)
        static let retryable = CodeFlags(rawValue: 4)
        static let answerInDoubt = CodeFlags(rawValue: 8)
        static let code = CodeFlags(rawValue: 16)
        static let httpStatus = CodeFlags(rawValue: 32)
        static let message = CodeFlags(rawValue: 64)
    }

    package var key: [UInt8] {
        var writer = ByteWriter()
        switch content {
        case .intent(let fingerprint, _, _), .void(let fingerprint):
            writer.byte(Self.intentKind)
            writer.raw(session.text.utf8)
            Self.write(fingerprint, to: &writer)
        case .state, .unreadable:
            writer.byte(Self.stateKind)
            writer.raw(session.text.utf8)
        case .notes:
            writer.byte(Self.notesKind)
            writer.raw(session.text.utf8)
        }
        return writer.bytes
    }

    /// Nil is a tombstone.
    package var value: [UInt8]? {
        var writer = ByteWriter()
        writer.byte(Self.version)
        switch content {
        case .intent(_, let source, let time):
            writer.signed(source)
            writer.signed(time.milliseconds)
        case .void: return nil
        case .state(let codes, let isClosed):
            writer.byte(isClosed ? 1 : 0)
            writer.unsigned(UInt64(codes.count))
            for code in codes { Self.write(code, to: &writer) }
        case .notes(let notes):
            writer.unsigned(UInt64(notes.count))
            for note in notes { Self.write(note, to: &writer) }
        case .unreadable: preconditionFailure("what could not be read is never written")
        }
        return writer.bytes
    }

    static func write(_ fingerprint: Fingerprint, to writer: inout ByteWriter) {
        writer.fixed(fingerprint.keyID)
        writer.fixed(fingerprint.high)
        writer.fixed(fingerprint.low)
    }

    private static func write(_ state: CodeState, to writer: inout ByteWriter) {
        write(state.fingerprint, to: &writer)
        var flags: CodeFlags = state.isDoubtful ? .doubtful : []
        if let outcome = state.outcome {
            flags.insert(.hasOutcome)
            if outcome.retryable { flags.insert(.retryable) }
            if outcome.inDoubt { flags.insert(.answerInDoubt) }
            if outcome.code != nil { flags.insert(.code) }
            if outcome.httpStatus != nil { flags.insert(.httpStatus) }
            if outcome.message != nil { flags.insert(.message) }
        }
        writer.byte(flags.rawValue)
        writer.signed(state.source)
        writer.signed(state.time.milliseconds)
        guard let outcome = state.outcome else { return }
        guard let reason = outcome.reason.code else {
            preconditionFailure("\(outcome.reason.rawValue) concludes no code")
        }
        writer.byte(reason)
        if let code = outcome.code { writer.signed(Int64(code)) }
        if let status = outcome.httpStatus { writer.signed(Int64(status)) }
        if let message = outcome.message { writer.text(message) }
    }

    /// Reads one record.
    /// - Returns: nil when the key is none of ours: then it says nothing about any session.
    package init?(key: [UInt8], value: [UInt8]?) {
        self.init(readingKey: key, value: value)
        // Notes that cannot be read are none: they decide nothing.
        if case .notes = content {
            if value != self.value { content = .notes([]) }
            return
        }
        // What this version would have written otherwise is another version's, or damaged.
        if let value, content != .unreadable, value != self.value { content = .unreadable }
    }

    private init?(readingKey key: [UInt8], value: [UInt8]?) {
        guard let kind = key.first else { return nil }
        switch kind {
        case Self.stateKind:
            guard let session = Self.session(key[1...]) else { return nil }
            self.init(session: session, content: Self.state(value))
        case Self.notesKind:
            guard let session = Self.session(key[1...]) else { return nil }
            self.init(session: session, content: .notes(value.flatMap(Self.notes) ?? []))
        case Self.intentKind:
            let end = key.count - Self.fingerprintBytes
            guard end > 1, let session = Self.session(key[1..<end]) else { return nil }
            var reader = ByteReader(key, from: key.count - Self.fingerprintBytes)
            guard let fingerprint = Self.fingerprint(&reader) else { return nil }
            self.init(session: session, content: Self.intent(fingerprint, value))
        default: return nil
        }
    }

    private static func session(_ utf8: ArraySlice<UInt8>) -> SessionID? {
        String(validating: utf8, as: UTF8.self).flatMap { SessionID($0) }
    }

    static func fingerprint(_ reader: inout ByteReader) -> Fingerprint? {
        guard let keyID = reader.fixed(UInt32.self), let high = reader.fixed(UInt64.self),
            let low = reader.fixed(UInt64.self)
        else { return nil }
        return Fingerprint(keyID: keyID, high: high, low: low)
    }

    private static func intent(_ fingerprint: Fingerprint, _ value: [UInt8]?) -> Content {
        guard let value else { return .void(fingerprint) }
        var reader = ByteReader(value)
        guard reader.byte() == version, let source = reader.signed(), let time = reader.signed(), reader.remaining == 0
        else { return .unreadable }
        return .intent(fingerprint, source: source, time: WallTime(milliseconds: time))
    }

    private static func state(_ value: [UInt8]?) -> Content {
        guard let value else { return .state([], isClosed: false) }
        var reader = ByteReader(value)
        guard reader.byte() == version, let flags = reader.byte(), flags <= 1, let count = reader.unsigned(),
            count <= maximumCodes
        else { return .unreadable }
        var codes: [CodeState] = []
        for _ in 0..<count {
            guard let code = code(&reader) else { return .unreadable }
            codes.append(code)
        }
        return reader.remaining == 0 ? .state(codes, isClosed: flags == 1) : .unreadable
    }

    private static func code(_ reader: inout ByteReader) -> CodeState? {
        guard let fingerprint = fingerprint(&reader), let bits = reader.byte(), let source = reader.signed(),
            let time = reader.signed()
        else { return nil }
        let flags = CodeFlags(rawValue: bits)
        var state = CodeState(
            fingerprint: fingerprint,
            source: source,
            isDoubtful: flags.contains(.doubtful),
            time: WallTime(milliseconds: time)
        )
        guard flags.contains(.hasOutcome) else { return state }
        guard let reason = reader.byte().flatMap({ Reason(code: $0) }) else { return nil }
        var outcome = Outcome(
            reason,
            retryable: flags.contains(.retryable),
            inDoubt: flags.contains(.answerInDoubt)
        )
        if flags.contains(.code) {
            guard let code = reader.signed() else { return nil }
            outcome.code = Int(code)
        }
        if flags.contains(.httpStatus) {
            guard let status = reader.signed() else { return nil }
            outcome.httpStatus = Int(status)
        }
        if flags.contains(.message) {
            guard let message = reader.text(atMost: Limits.messageBytes) else { return nil }
            outcome.message = message
        }
        state.outcome = outcome
        return state
    }
}
