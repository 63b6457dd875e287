import OTPEngine
import Testing

@testable import CheckOTP

/// What an answer's body and its `Retry-After` are read as.
struct AnswerTests {
    @Test(arguments: [
        (#"{"code":0,"message":"Başarılı İşlem"}"#, UpstreamAnswer.Body(code: 0, message: "Başarılı İşlem")),
        (#"{"object_name":"x","code":"100","n":[{}]}"#, .init(code: 100)),
        ("\u{FEFF}{\"code\":1}", .init(code: 1)),
        (
            #"{"type":"no_data_error","message":"yok","code":404,"result_code":"12"}"#,
            .init(code: 404, resultCode: 12, message: "yok", type: "no_data_error")
        ),
        (#"{"code":-1}"#, .init(code: -1)), ("{}", .init()),
        (#"{"code":0.0,"result_code":"","message":5,"type":null}"#, .init()),
        (#"{"code":"0x1","result_code":" 1"}"#, .init()), (#"{"code":1e2,"result_code":"+1"}"#, .init()),
        (#"{"code":99999999999999999999}"#, .init()), (#"{"code":{"code":0}}"#, .init()),
    ])
    func aBodyIsReadByItsMembers(json: String, body: UpstreamAnswer.Body) {
        let answer = AnswerBody(Array(json.utf8))
        #expect(answer.content == body)
        #expect(answer.fault == (body.code == nil && body.resultCode == nil ? .noCode : nil))
    }

    /// `{"code":0,"message":"Başarılı İşlem"}` in ISO-8859-9, and others of the kind.
    @Test(
        arguments: [
            (
                Array(#"{"code":0,"message":"Ba"#.utf8) + [0xFE] + Array("ar".utf8) + [0xFD] + Array("l".utf8) + [
                    0xFD, 0x20, 0xDD,
                ]
                    + [0xFE] + Array(#"lem"}"#.utf8), 0, .wrongCharset
            ),
            (Array(#"{"message":""#.utf8) + [0xFF, 0x80] + Array(#"","code":"17"}"#.utf8), 17, .wrongCharset),
            (Array(#"{"a"#.utf8) + [0xE7] + Array(#"":"x","code":1}"#.utf8), 1, .wrongCharset),
            (Array("{\"code\":0,\"message\":\"one\ntwo\u{0}\"}".utf8), 0, .controlCharacters),
            (Array("{\"code\":0}\u{0}\u{1a}".utf8), 0, .controlCharacters),
            (Array(#"{"code":0,"message":"cut \ud83d"}"#.utf8), 0, .controlCharacters),
        ] as [([UInt8], Int, BodyFault)]
    )
    func aReadableCodeCountsWhateverStandsAroundIt(bytes: [UInt8], code: Int, fault: BodyFault) {
        let answer = AnswerBody(bytes)
        #expect(answer.content == UpstreamAnswer.Body(code: code))
        #expect(answer.fault == fault)
    }

    @Test(arguments: [[0xFE, 0xFF], [0xFF, 0xFE], [], nil] as [[UInt8]?])
    func aBodyMayBeInUTF16(mark: [UInt8]?) {
        let isBig = mark == [0xFE, 0xFF] || mark == nil
        let text = Array(#"{"code":0,"message":"Başarılı"}"#.utf16).flatMap { unit in
            isBig ? [UInt8(unit >> 8), UInt8(unit & 0xFF)] : [UInt8(unit & 0xFF), UInt8(unit >> 8)]
        }
        #expect(AnswerBody((mark ?? []) + text).content == UpstreamAnswer.Body(code: 0, message: "Başarılı"))
    }

    @Test(
        arguments: [
            ([], .empty), (Array("OK".utf8), .notJSON), (Array("[0]".utf8), .notJSON),
            (Array(#"{"code":0"#.utf8), .notJSON),
            (Array("\n <!DOCTYPE html><p>".utf8), .html), (Array("<html>".utf8) + [0xFE], .html),
            (Array("\u{FEFF}<h1>502</h1>".utf8), .html), (Array("<?xml version='1.0'?><e/>".utf8), .notJSON),
            ([0x1F, 0x8B, 8, 0], .compressed), ([0x28, 0xB5, 0x2F, 0xFD, 1], .compressed),
            ([0x78, 0x9C, 1], .compressed),
            (Array(#"{"code":0,"m":"x"#.utf8) + [0xFE], .wrongCharset), (Array(#"{"message":"x"}"#.utf8), .noCode),
            (Array(#"{"code":0,"code":0,"m":""#.utf8) + [0xFE] + Array(#""}"#.utf8), .wrongCharset),
        ] as [([UInt8], BodyFault)]
    )
    func whatIsWrongWithABodyHasAName(bytes: [UInt8], fault: BodyFault) {
        let answer = AnswerBody(bytes)
        #expect(answer.fault == fault)
        #expect(answer.content?.code == nil)
    }

    @Test func anEncodingThatNobodyAskedForIsNamedUnlessTheBodyIsReadable() {
        // Brotli has no mark of its own.
        #expect(AnswerBody([0x8B, 0x02, 0x80], isEncoded: true).fault == .compressed)
        #expect(AnswerBody(Array(#"{"code":0}"#.utf8), isEncoded: true) == AnswerBody(Array(#"{"code":0}"#.utf8)))
    }

    @Test(arguments: ["", "0", "[]", "\"\"", "{\"code\":0", "{\"code\":0}x", "{\"code\":0,\"code\":1}", "<html>"])
    func anythingButOneObjectIsNoBody(json: String) {
        #expect(AnswerBody(Array(json.utf8)).content == nil)
    }

    private func wait(_ value: String, date: String? = nil) -> Duration? {
        // 1994-11-06 08:49:37 UTC
        RetryAfter.wait(Array(value.utf8), date: date.map { Array($0.utf8) }) { 784_111_777 }
    }

    @Test(arguments: [
        ("0", Duration.zero), ("120", .seconds(120)), ("3601", .seconds(3600)),
        ("99999999999999999999", .seconds(3600)), ("Sun, 06 Nov 1994 08:50:00 GMT", .seconds(23)),
        ("Sun, 06 Nov 1994 08:49:37 GMT", .zero), ("Sat, 05 Nov 1994 08:49:37 GMT", .zero),
        ("Wed, 31 Dec 9999 23:59:59 GMT", .seconds(3600)), ("Sunday, 06-Nov-94 08:49:40 GMT", .seconds(3)),
        ("Sun Nov  6 08:49:40 1994", .seconds(3)), ("Sun Nov 06 08:49:40 1994", .seconds(3)),
        ("Monday, 06-Nov-43 08:49:40 GMT", .seconds(3600)), ("Sunday, 06-Nov-45 08:49:40 GMT", nil),
    ])
    func retryAfterIsSecondsOrADateInAnyOfItsForms(value: String, expected: Duration?) {
        #expect(wait(value) == expected)
    }

    @Test(arguments: [
        "", "-1", "1.5", "soon", "Sunday, 06-Nov-1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sunday, 06-Nov-94 08:49:37", "Sunday, 06 Nov 94 08:49:37 GMT", "Sun Nov  6 08:49:37 94",
        "Sun Nov 6 1994 08:49:37",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06 Nov 1994 25:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
    ])
    func anythingElseIsNoWait(value: String) {
        #expect(wait(value) == nil)
    }

    @Test func aDateCountsFromTheAnswersOwnClock() {
        #expect(wait("Wed, 01 Mar 2000 00:00:05 GMT", date: "Tue, 29 Feb 2000 23:59:55 GMT") == .seconds(10))
        #expect(wait("Sun, 06 Nov 1994 08:50:00 GMT", date: "unreadable") == .seconds(23))
        #expect(wait("Tue Feb 29 23:59:59 2000", date: "Tuesday, 29-Feb-00 23:59:55 GMT") == .seconds(4))
        #expect(wait("Saturday, 01-Jan-00 00:00:05 GMT", date: "Fri, 31 Dec 1999 23:59:59 GMT") == .seconds(6))
    }

    @Test(arguments: [
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("Tue, 29 Feb 2000 12:00:00 GMT", 951_825_600),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 946_684_799), ("Tue, 24 Nov 2026 00:00:00 GMT", 1_795_478_400),
    ])
    func datesAreCountedInSeconds(text: String, seconds: Int64) {
        #expect(HTTPDate.secondsSince1970(Array(text.utf8)) == seconds)
    }

    @Test(arguments: [
        ("timeout=5, max=100", Duration.seconds(5)), ("max=100,timeout = 2", .seconds(2)),
        ("Timeout=\"60\"", .seconds(60)),
        ("timeout=0", .zero), ("max=5", nil), ("timeout=", nil), ("timeout=-1", nil), ("timeout=x", nil), ("", nil),
        ("timeout=99999999999", nil), ("xtimeout=5", nil),
    ])
    func keepAliveSaysHowLongAnIdleConnectionIsKept(value: String, expected: Duration?) {
        #expect(KeepAlive.timeout(value.utf8) == expected)
    }

    @Test(arguments: [(60, 59_000), (5, 4_000), (2, 1_000), (1, 500), (0, 0)])
    func aConnectionIsGivenUpBeforeTheUpstreamDoes(seconds: Int, milliseconds: Int) {
        #expect(KeepAlive.use(of: .seconds(seconds)) == .milliseconds(milliseconds))
    }
}
