import OTPContract
import Testing

@Suite("ResultEvent: the form that consumers rely on")
struct ResultEventTests {
    private func verified() -> ResultEvent {
        ResultEvent(
            commandID: "0b5c6f0e",
            sessionID: SessionID("123456"),
            status: .verified,
            reason: .ok,
            code: 0,
            message: "Başarılı İşlem",
            httpStatus: 200,
            calls: 1,
            maskedPhone: "532*****42",
            receivedAt: WallTime(milliseconds: 1_795_428_000_000),
            completedAt: WallTime(milliseconds: 1_795_428_000_180),
            source: Sample.source,
            worker: "otp-worker-0"
        )
    }

    private func inDoubt() -> ResultEvent {
        var event = verified()
        event.status = .failed
        event.reason = .outcomeUnknown
        event.retryable = true
        event.inDoubt = true
        event.replayed = true
        event.code = nil
        event.message = nil
        event.httpStatus = nil
        event.calls = 2
        return event
    }

    private func invalid() -> ResultEvent {
        ResultEvent(
            commandID: Sample.source.description,
            sessionID: nil,
            status: .invalid,
            reason: .invalid(.field(.phone)),
            message: "user_gsm is missing",
            receivedAt: WallTime(milliseconds: 1_795_428_000_000),
            completedAt: WallTime(milliseconds: 1_795_428_000_001),
            source: Sample.source,
            worker: "otp-worker-0"
        )
    }

    private func golden() -> [(String, ResultEvent)] {
        [
            ("result-v1-verified.json", verified()), ("result-v1-in-doubt.json", inDoubt()),
            ("result-v1-invalid.json", invalid()),
        ]
    }

    @Test func isWrittenAsTheGoldenFilesSay() throws {
        for (name, event) in golden() {
            #expect(try utf8(event.encode()) == utf8(Golden.bytes(name)), "\(name)")
        }
    }

    @Test func goldenFilesStayReadable() throws {
        for (name, event) in golden() {
            #expect(try ResultEvent.decode(Golden.bytes(name)) == event, "\(name)")
        }
    }

    @Test func aLaterVersionIsReadable() throws {
        let later = try ResultEvent.decode(Golden.bytes("result-v1-later.json"))
        #expect(later == verified())
    }

    @Test func whatTravelsInHeadersIsNotInTheValue() throws {
        var event = verified()
        event.echo = [Header(name: "correlation_id", text: "7")]
        event.undeliverable = true
        #expect(event.encode() == verified().encode())
        #expect(try ResultEvent.decode(event.encode()) == verified())
    }

    @Test(arguments: [
        ("\"command_id\":\"0b5c6f0e\",", "", "command_id"),
        ("\"verified\"", "\"approved\"", "status"),
        ("\"reason\":\"ok\"", "\"reason\":\"fine\"", "reason"),
        ("\"retryable\":false", "\"retryable\":\"no\"", "retryable"),
        ("\"calls\":1", "\"calls\":1.5", "calls"),
        ("\"code\":0", "\"code\":\"0\"", "code"),
        ("\"123456\"", "\"\"", "otp_session_id"),
        ("2026-11-23T10:00:00.180Z", "now", "completed_at"),
        ("\"partition\":3", "\"partition\":3000000000", "source.partition"),
        ("{\"topic\":\"otp.verify.commands\",\"partition\":3,\"offset\":42}", "[]", "source"),
    ])
    func aBrokenResultNamesItsField(good: String, bad: String, field: String) throws {
        let broken = utf8(verified().encode()).replacing(good, with: bad)
        #expect(throws: ResultEvent.DecodingFailure.field(field)) { try ResultEvent.decode(Array(broken.utf8)) }
    }

    @Test func bytesThatAreNoJSONSaySo() {
        #expect(throws: ResultEvent.DecodingFailure.json(JSON.Failure(kind: .empty, offset: 0))) {
            try ResultEvent.decode([])
        }
    }

    @Test func headersAreCloudEventsInBinaryMode() {
        var event = verified()
        event.echo = [
            Header(name: "kafka_correlationId", value: [0, 1, 0xff]), Header(name: "traceparent", value: nil),
        ]
        let expected = [
            Header(name: "ce_specversion", text: "1.0"),
            Header(name: "ce_id", text: "otp.verify.commands/3/42/result"),
            Header(name: "ce_source", text: "/otp-worker"),
            Header(name: "ce_type", text: "tr.com.paynet.otp.verification.v1"),
            Header(name: "ce_subject", text: "123456"),
            Header(name: "ce_time", text: "2026-11-23T10:00:00.180Z"),
            Header(name: "content-type", text: "application/json"),
        ]
        #expect(event.headers() == expected + event.echo)
        event.undeliverable = true
        #expect(event.headers() == expected + [Header(name: "otp_reply_undeliverable", text: "true")] + event.echo)
    }

    @Test func theEventIDBelongsToTheCommandRecordAlone() {
        var again = inDoubt()
        again.worker = "otp-worker-7"
        let id = { (event: ResultEvent) in event.headers().first { $0.name == "ce_id" } }
        #expect(id(again) == id(verified()))
    }

    @Test func theKeyIsTheSession() {
        #expect(verified().key() == Array("123456".utf8))
        #expect(invalid().key() == nil)
        #expect(!invalid().headers().contains { $0.name == "ce_subject" })
    }

    @Test func aReplayNamesTheFirst() throws {
        var event = verified()
        event.replayed = true
        for id in ["mine", nil] {
            event.first = .init(source: Coordinates(topic: "t", partition: 2, offset: 9), commandID: id)
            #expect(try ResultEvent.decode(event.encode()) == event)
        }
        event.first = nil
        #expect(!String(decoding: event.encode(), as: UTF8.self).contains("first"))
    }
}
