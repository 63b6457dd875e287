import OTPContract
import OTPKafka
import Testing

@testable import OTPVerifyClient

/// A command's record.
@Suite struct CommandTests {
    private static let code = "ART2"

    private func command(
        session: String = "123456",
        phone: String = Sample.phone,
        code: String = Self.code,
        id: String? = "c-1",
        expiresAt: WallTime? = nil
    ) throws(OTPVerifyError) -> Command {
        try Command(session: session, phone: phone, code: code, id: id, expiresAt: expiresAt)
    }

    @Test func itsValueIsTheContracts() throws {
        let plain = try command()
        let whole = try command(expiresAt: WallTime(milliseconds: 1_795_514_400_000))
        let start = #"{"command_id":"c-1","user_gsm":"5324818942","otp_session_id":"123456","otp_code":"ART2""#
        #expect(String(decoding: plain.value, as: UTF8.self) == start + "}")
        #expect(
            String(decoding: whole.value, as: UTF8.self) == start + #","expires_at":"2026-11-24T10:00:00.000Z"}"#
        )
        #expect(plain.key == bytes("123456") && plain.id == "c-1")
        #expect(plain.bytes == plain.key.count + plain.value.count)
    }

    @Test func aWorkerReadsWhatWasMeant() throws {
        let session = #"s"\/é🙂"#
        let command = try command(session: session, phone: "+90 532 481 89 42", id: "id \"1\"")
        let coordinates = Sample.coordinates(3)
        let read = try CommandDecoder().decode(key: command.key, value: command.value, headers: [], at: coordinates)
            .get()
        #expect(read.sessionID.text == session && read.commandID == "id \"1\"")
        #expect(read.phone == PhoneNumber(normalising: Sample.phone))
        #expect(read.code == OTPCode(trimming: Self.code))
        #expect(command.key == bytes(session))
    }

    @Test func anIDIsMadeOf128RandomBits() throws {
        let ids = try (0..<100).map { _ in try #require(try command(id: nil).id) }
        #expect(Set(ids).count == 100)
        #expect(ids.allSatisfy { $0.wholeMatch(of: /[0-9a-f]{32}/) != nil })
    }

    @Test(arguments: ["", "a\u{0}b", String(repeating: "s", count: 257)])
    func aSessionOrIDThatBreaksTheRuleIsRefused(_ text: String) throws {
        let session = #expect(throws: OTPVerifyError.self) { try command(session: text) }
        #expect(session?.code == .unusable && session?.isSent == false)
        let id = #expect(throws: OTPVerifyError.self) { try command(id: text) }
        #expect(id?.code == .unusable)
    }

    @Test func whatIsLargerThanWorkersReadIsRefused() throws {
        let error = #expect(throws: OTPVerifyError.self) {
            try command(code: String(repeating: "x", count: Command.maximumBytes))
        }
        #expect(error?.code == .unusable && error?.commandID == "c-1")
    }

    @Test func itsRecordAsksForNothingWhereTheCommonTopicIsRead() throws {
        let record = try command().record(
            topic: "t",
            answers: .resultTopic,
            headers: [Header(name: "traceparent", text: "x")]
        )
        #expect(record.topic == "t" && record.partition == nil && record.key == bytes("123456"))
        #expect(record.headers.map(\.name) == ["traceparent", "kafka_correlationId"])
        #expect(record.headers.last?.value == bytes("c-1"))
    }

    @Test func itsRecordNamesTheReplyPartitionInFourBytes() throws {
        let record = try command().record(
            topic: "t",
            answers: .replyPartition(topic: "r", partition: 0x0102_0304),
            headers: []
        )
        let headers = Dictionary(uniqueKeysWithValues: record.headers.map { ($0.name, $0.value) })
        #expect(headers["kafka_replyTopic"] == bytes("r"))
        #expect(headers["kafka_replyPartition"] == [1, 2, 3, 4])
    }

    @Test func aValueOfTheCallersIsPublishedAsItIs() throws {
        let session = try #require(SessionID("s"))
        let command = Command(session: session, value: bytes("{}"))
        let record = command.record(topic: "t", answers: .resultTopic, headers: [])
        #expect(record.value == bytes("{}") && record.key == bytes("s") && record.headers.isEmpty)
    }

    /// However it is printed.
    @Test func itShowsNeitherCodeNorPhone() throws {
        let command = try command()
        var dumped = ""
        dump(command, to: &dumped)
        let caller = ClientCore.Caller(command: command, reply: .coordinates { _ in })
        var all = dumped
        dump(caller, to: &all)
        all += "\(command) \(String(reflecting: command)) \(caller) \([command])"
        #expect(!all.contains(Self.code) && !all.contains(Sample.phone))
        // Nor as bytes: 65, 82, 84, 50.
        #expect(!all.contains("65, 82") && !all.contains("- 82"))
        #expect(all.contains("c-1"))
    }
}
