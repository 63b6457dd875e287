import OTPContract
import OTPEngine
import Testing

@Suite("The ledger's records, to the byte")
struct LedgerRecordTests {
    private static let golden: [(name: String, record: LedgerRecord)] = [
        (
            "intent",
            LedgerRecord(
                session: Sample.session("123456"),
                content: .intent(
                    Fingerprint(keyID: 0x0403_0201, high: 0x0807_0605_0403_0201, low: 0x100F_0E0D_0C0B_0A09),
                    source: 42,
                    time: Sample.time(1_700_000_000_000)
                )
            )
        ),
        (
            "void",
            LedgerRecord(session: Sample.session("oturum-ğ"), content: .void(Sample.fingerprint("ART2")))
        ),
        ("state-empty", Sample.state("123456")),
        (
            "state-verified",
            Sample.state(
                "123456",
                closed: true,
                Sample.concluded(
                    "ART2",
                    Outcome(.ok, code: 0, message: "Başarılı İşlem", httpStatus: 200),
                    source: 300
                )
            )
        ),
        (
            "notes",
            LedgerRecord(
                session: Sample.session("123456"),
                content: .notes([
                    .init(fingerprint: Sample.fingerprint("ART2"), source: 300, note: .init(commandID: "çekim-1")),
                    .init(
                        fingerprint: Sample.fingerprint("A"),
                        source: 7,
                        note: .init(commandID: "b", phone: PhoneDigest(value: 0x0807_0605_0403_0201))
                    ),
                    .init(fingerprint: Sample.fingerprint("B"), source: 8, note: .init(phone: PhoneDigest(value: 1))),
                ])
            )
        ),
        (
            "state-doubts",
            Sample.state(
                "123456",
                CodeState(fingerprint: Sample.fingerprint("A"), isDoubtful: true, time: Sample.time(5)),
                Sample.concluded("B", Outcome(.outcomeUnknown, retryable: true), source: 7, doubtful: true),
                Sample.concluded("C", Outcome(.sessionUsed, inDoubt: true, code: 100, httpStatus: 200), source: 9),
                Sample.concluded("D", Outcome(.unexpectedAnswer, code: -1, message: "", httpStatus: 418), source: 0)
            )
        ),
    ]

    @Test(arguments: golden.indices)
    func v1IsWrittenAndReadBackForEver(index: Int) throws {
        let (name, record) = Self.golden[index]
        let (key, value) = try Golden.keyAndValue("ledger-v1-\(name)")
        #expect(record.key == key)
        #expect(record.value == value)
        #expect(LedgerRecord(key: key, value: value) == record)
    }

    @Test func whatWasWrittenIsReadBack() {
        var random = SplitMix64(seed: 3)
        for _ in 0..<1_000 {
            let record = LedgerRecord.random(using: &random)
            #expect(LedgerRecord(key: record.key, value: record.value) == record)
        }
    }

    @Test func aTombstoneOverAStateIsAnEmptySession() {
        let record = LedgerRecord(key: Sample.state("s").key, value: nil)
        #expect(record?.content == .state([], isClosed: false))
    }

    @Test func aKeyOfNobodySaysNothing() {
        let intent = Sample.intent("s", "A", source: 1).key
        let keys: [[UInt8]] = [
            [], Array("x".utf8), Array("s".utf8), Array("i".utf8), Array(intent.dropLast(1)), Array("S1".utf8),
            [UInt8(ascii: "s"), 0xFF, 0xFE], [UInt8(ascii: "s"), 0x07],
            Array("s".utf8) + [UInt8](repeating: 0x61, count: 257),
        ]
        for key in keys { #expect(LedgerRecord(key: key, value: [1, 0, 0]) == nil) }
    }

    @Test func whatANewerVersionWroteIsUnreadableAndNamesItsSession() {
        let key = Sample.state("s").key
        #expect(LedgerRecord(key: key, value: [2, 0, 0])?.content == .unreadable)
        #expect(LedgerRecord(key: key, value: [1, 2, 0])?.content == .unreadable)
        #expect(LedgerRecord(key: key, value: [])?.content == .unreadable)
        #expect(LedgerRecord(key: key, value: [1, 0, 0])?.session == Sample.session("s"))
        #expect(LedgerRecord(key: Sample.intent("s", "A", source: 1).key, value: [2])?.content == .unreadable)
    }

    @Test func aTruncatedOrLengthenedValueIsUnreadable() throws {
        for (_, record) in Self.golden {
            guard let value = record.value else { continue }
            var unread = LedgerRecord.Content.unreadable
            if case .notes = record.content { unread = .notes([]) }
            for end in value.indices {
                let cut = try #require(LedgerRecord(key: record.key, value: Array(value[..<end])))
                #expect(cut.session == record.session && cut.content == unread, "cut at \(end)")
            }
            #expect(LedgerRecord(key: record.key, value: value + [0])?.content == unread)
        }
    }

    /// A changed bit may make another valid value (nothing guards against that but the broker's checksum), but it is always read
    /// as what those bytes are, and never as another session's.
    @Test func aMutatedValueIsUnreadableOrExactlyWhatItsBytesSay() throws {
        var random = SplitMix64(seed: 4)
        var unreadable = 0
        for _ in 0..<5_000 {
            let record = LedgerRecord.random(using: &random)
            guard var value = record.value else { continue }
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                value[Int.random(in: value.indices, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            }
            let read = try #require(LedgerRecord(key: record.key, value: value))
            #expect(read.session == record.session)
            if read.content == .unreadable { unreadable += 1 } else { #expect(read.value == value) }
        }
        #expect(unreadable > 500)
    }

    @Test func randomBytesNeverCrash() {
        var random = SplitMix64(seed: 5)
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0..<64, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            let kind = UInt8(ascii: Bool.random(using: &random) ? "i" : "s")
            _ = LedgerRecord(key: [kind] + bytes, value: bytes)
            _ = LedgerRecord(key: Sample.state("s").key, value: [1] + bytes)
        }
    }
}

extension LedgerRecord {
    static func random(using random: inout SplitMix64) -> LedgerRecord {
        let session = Sample.session("s" + String(UInt16.random(in: 0...9_999, using: &random)) + "ş")
        let source = Int64.random(in: 0...(.max), using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: return LedgerRecord(session: session, content: .void(.random(using: &random)))
        case 1:
            let time = WallTime(milliseconds: .random(in: .min ... .max, using: &random))
            return LedgerRecord(
                session: session,
                content: .intent(.random(using: &random), source: source, time: time)
            )
        default:
            let codes = (0..<Int.random(in: 0...12, using: &random)).map { _ in CodeState.random(using: &random) }
            return LedgerRecord(session: session, content: .state(codes, isClosed: .random(using: &random)))
        }
    }
}

extension Fingerprint {
    static func random(using random: inout SplitMix64) -> Fingerprint {
        Fingerprint(keyID: .random(in: 0...(.max), using: &random), high: random.next(), low: random.next())
    }
}

extension CodeState {
    static func random(using random: inout SplitMix64) -> CodeState {
        var state = CodeState(
            fingerprint: .random(using: &random),
            isDoubtful: .random(using: &random),
            time: WallTime(milliseconds: .random(in: 0...2_000_000_000_000, using: &random))
        )
        guard Bool.random(using: &random) else { return state }
        state.source = .random(in: 0...(.max), using: &random)
        state.outcome = Outcome(
            Reason.coded.randomElement(using: &random) ?? .ok,
            retryable: .random(using: &random),
            inDoubt: .random(using: &random),
            code: Bool.random(using: &random) ? .random(in: .min ... .max, using: &random) : nil,
            message: Bool.random(using: &random)
                ? String(repeating: "ş", count: .random(in: 0...Limits.messageBytes / 2, using: &random)) : nil,
            httpStatus: Bool.random(using: &random) ? .random(in: 100...599, using: &random) : nil
        )
        return state
    }
}
