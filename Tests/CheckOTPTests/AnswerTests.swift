import Engine
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
        #expect(UpstreamAnswer.Body(json: Array(json.utf8)) == body)
    }

    @Test(arguments: ["", "0", "[]", "\"\"", "{\"code\":0", "{\"code\":0}x", "{\"code\":0,\"code\":1}", "<html>"])
    func anythingButOneObjectIsNoBody(json: String) {
        #expect(UpstreamAnswer.Body(json: Array(json.utf8)) == nil)
    }

    private func wait(_ value: String, date: String? = nil) -> Duration? {
        // 1994-11-06 08:49:37 UTC
        RetryAfter.wait(Array(value.utf8), date: date.map { Array($0.utf8) }) { 784_111_777 }
    }

    @Test(arguments: [
        ("0", Duration.zero), ("120", .seconds(120)), ("3601", .seconds(3600)),
        ("99999999999999999999", .seconds(3600)), ("Sun, 06 Nov 1994 08:50:00 GMT", .seconds(23)),
        ("Sun, 06 Nov 1994 08:49:37 GMT", .zero), ("Sat, 05 Nov 1994 08:49:37 GMT", .zero),
        ("Wed, 31 Dec 9999 23:59:59 GMT", .seconds(3600)),
    ])
    func retryAfterIsSecondsOrADate(value: String, expected: Duration) {
        #expect(wait(value) == expected)
    }

    @Test(arguments: [
        "", "-1", "1.5", "soon", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 25:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
    ])
    func anythingElseIsNoWait(value: String) {
        #expect(wait(value) == nil)
    }

    @Test func aDateCountsFromTheAnswersOwnClock() {
        #expect(wait("Wed, 01 Mar 2000 00:00:05 GMT", date: "Tue, 29 Feb 2000 23:59:55 GMT") == .seconds(10))
        #expect(wait("Sun, 06 Nov 1994 08:50:00 GMT", date: "unreadable") == .seconds(23))
    }

    @Test(arguments: [
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("Tue, 29 Feb 2000 12:00:00 GMT", 951_825_600),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 946_684_799), ("Tue, 24 Nov 2026 00:00:00 GMT", 1_795_478_400),
    ])
    func datesAreCountedInSeconds(text: String, seconds: Int64) {
        #expect(RetryAfter.secondsSince1970(Array(text.utf8)) == seconds)
    }
}
