import OTPContract

// What is kept of the records that concluded a session's codes, beside its state.
extension LedgerRecord {
    private struct NoteFlags: OptionSet {
        let rawValue: UInt8
        static let commandID = NoteFlags(rawValue: 1)
        static let phone = NoteFlags(rawValue: 2)
    }

    static func write(_ note: CodeNote, to writer: inout ByteWriter) {
        write(note.fingerprint, to: &writer)
        var flags: NoteFlags = []
        if note.note.commandID != nil { flags.insert(.commandID) }
        if note.note.phone != nil { flags.insert(.phone) }
        writer.byte(flags.rawValue)
        writer.signed(note.source)
        if let id = note.note.commandID { writer.text(id) }
        if let phone = note.note.phone { writer.fixed(phone.value) }
    }

    static func notes(_ value: [UInt8]) -> [CodeNote]? {
        var reader = ByteReader(value)
        guard reader.byte() == version, let count = reader.unsigned(), count <= maximumCodes else { return nil }
        var notes: [CodeNote] = []
        for _ in 0..<count {
            guard let note = note(&reader) else { return nil }
            notes.append(note)
        }
        return reader.remaining == 0 ? notes : nil
    }

    private static func note(_ reader: inout ByteReader) -> CodeNote? {
        guard let fingerprint = fingerprint(&reader), let bits = reader.byte(), let source = reader.signed() else {
            return nil
        }
        let flags = NoteFlags(rawValue: bits)
        var note = CodeState.Note()
        if flags.contains(.commandID) {
            guard let id = reader.text(atMost: Limits.commandIDBytes) else { return nil }
            note.commandID = id
        }
        if flags.contains(.phone) {
            guard let phone = reader.fixed(UInt64.self) else { return nil }
            note.phone = PhoneDigest(value: phone)
        }
        return CodeNote(fingerprint: fingerprint, source: source, note: note)
    }
}
