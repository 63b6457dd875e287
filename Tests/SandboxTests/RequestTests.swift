import Testing

@testable import OTPSandbox

/// What is asked of a request before any session is looked at, and the form of the answers.
@Suite struct RequestTests {
    private static let key: SandboxSecret = "sck_test_marked"

    private func answer(
        _ configuration: SandboxConfiguration = implicit(),
        _ change: (inout SandboxRequest) -> Void = { _ in }
    ) throws -> SandboxAnswer {
        var model = SandboxModel(configuration)
        var request = SandboxRequest(contentType: "application/json; charset=UTF-8")
        request.body = Array(checkBody("123456", "3456").utf8)
        change(&request)
        let decision = model.decide(request, at: .zero)
        #expect(decision.entry.processed == (decision.answer?.status == 200))
        return try #require(decision.answer)
    }

    @Test(arguments: ["Basic sck_test_marked", "Basic c2NrX3Rlc3RfbWFya2VkOg=="])
    func bothFormsOfTheKeyPass(_ shown: String) throws {
        #expect(try answer(implicit { $0.secretKey = Self.key }) { $0.authorization = shown }.status == 200)
    }

    @Test(arguments: [nil, "", "sck_test_marked", "Basic sck_test_other", "Bearer sck_test_marked", "Basic c2NrXw=="])
    func anotherKeyIs401(_ shown: String?) throws {
        let answer = try answer(implicit { $0.secretKey = Self.key }) { $0.authorization = shown }
        #expect(answer.status == 401)
        #expect(
            answer.body == #"{"type":"authorization_error","message":"Yetkisiz işlem","code":401,"result_code":7}"#
        )
    }

    @Test func withoutAKeyAnyAuthorizationPasses() throws {
        #expect(try answer { $0.authorization = "anything" }.status == 200)
    }

    @Test func anotherPathIs404AndAnotherMethod405() throws {
        let path = try answer { $0.path = "/v1/card/other" }
        #expect(path.status == 404)
        #expect(path.body.contains(#""type":"no_data_error""#))
        let method = try answer { $0.method = "GET" }
        #expect(method.status == 405)
        #expect(method.allow == "POST")
        #expect(method.body.contains(#""type":"invalid_request_error""#))
    }

    @Test(arguments: [
        "", "null", "[]", "{", #"{"user_gsm":"5324818942","otp_session_id":"1"}"#,
        #"{"user_gsm":5324818942,"otp_session_id":"1","otp_code":"A"}"#,
        #"{"user_gsm":"05324818942","otp_session_id":"1","otp_code":"A"}"#,
        #"{"user_gsm":"4324818942","otp_session_id":"1","otp_code":"A"}"#,
        #"{"user_gsm":"+532481894","otp_session_id":"1","otp_code":"A"}"#,
        #"{"user_gsm":"5324818942","otp_session_id":"","otp_code":"A"}"#,
        #"{"user_gsm":"5324818942","otp_session_id":"1","otp_code":""}"#,
    ])
    func anUnusableBodyIs400(_ body: String) throws {
        let answer = try answer { $0.body = Array(body.utf8) }
        #expect(answer.status == 400)
        #expect(
            answer.body == #"{"type":"invalid_request_error","message":"Hatalı istek","code":400,"result_code":11}"#
        )
    }

    @Test(arguments: [nil, "text/plain", "application/x-www-form-urlencoded"])
    func anotherContentTypeIs400(_ type: String?) throws {
        #expect(try answer { $0.contentType = type }.status == 400)
    }

    @Test func aBodyThatIsNotUTF8Is400() throws {
        let body = Array(checkBody("123456", "3456").utf8) + [0xff]
        #expect(try answer { $0.body = body }.status == 400)
    }

    @Test func codesCanBeStringsAndAnObjectNameCanCome() throws {
        let configuration = implicit {
            $0.codeAsString = true
            $0.objectName = "otp"
        }
        #expect(try answer(configuration).body == #"{"object_name":"otp","code":"0","message":"Başarılı İşlem"}"#)
        let missing = try answer(configuration) { $0.path = "/" }
        #expect(missing.body.hasSuffix(#""code":"404","result_code":"12"}"#))
    }

    @Test func anErrorCanComeWithoutAnErrorObject() throws {
        let answer = try answer(implicit { $0.errorObjects = false }) { $0.path = "/" }
        #expect(answer.status == 404)
        #expect(answer.contentType.hasPrefix("text/html"))
        #expect(answer.body.hasPrefix("<html>"))
    }

    @Test(arguments: [(13, 404, "no_data_error"), (17, 400, "invalid_request_error"), (2, 403, "authorization_error")])
    func aRefusalCanBeAnHTTPError(_ code: Int, _ status: Int, _ type: String) throws {
        var configuration = SandboxConfiguration()
        configuration.refusalsAsErrors = true
        configuration.unknownAnswer = ReturnCode(rawValue: code)
        var model = SandboxModel(configuration)
        let answer = try #require(model.check("1", "A").answer)
        #expect(answer.status == status)
        #expect(answer.body.hasPrefix("{\"type\":\"\(type)\""))
        #expect(answer.body.hasSuffix("\"code\":\(status),\"result_code\":\(code)}"))
    }

    @Test func callsAboveTheRateAre429UntilTheSecondIsOver() {
        var model = SandboxModel(implicit { $0.rateLimit = 2 })
        let times: [Duration] = [
            .seconds(5), .milliseconds(5200), .milliseconds(5999), .seconds(6), .milliseconds(6001),
        ]
        let answers = times.map { model.check("1", "0001", at: $0).answer }
        #expect(answers.map { $0?.status } == [200, 200, 429, 200, 200])
        #expect(answers[2]?.retryAfter == 1)
    }

    @Test func aNewSessionBeyondTheMaximumIs503() {
        var model = SandboxModel(implicit { $0.maximumSessions = 1 })
        #expect(model.check("a", "000A").answer?.status == 200)
        let refusal = model.check("b", "000B").answer
        // Its own refusal, and so it says when to ask again.
        #expect(refusal?.status == 503 && refusal?.retryAfter == 1)
        #expect(model.check("a", "000A").answer?.status == 200)
    }

    @Test func latencyIsDrawnFromItsRangeAndRepeatsWithTheSeed() {
        func delays(seed: UInt64) -> [Duration] {
            var model = SandboxModel(
                implicit {
                    $0.latency = .milliseconds(20)...(.milliseconds(40))
                    $0.seed = seed
                }
            )
            return (0..<50).map { model.check("\($0)", "A").delay }
        }
        #expect(delays(seed: 7) == delays(seed: 7))
        #expect(delays(seed: 7) != delays(seed: 8))
        #expect(delays(seed: 7).allSatisfy { $0 >= .milliseconds(20) && $0 <= .milliseconds(40) })
        #expect(Set(delays(seed: 7)).count > 40)
    }

    @Test func noDescriptionOrDumpShowsTheKey() {
        let configuration = implicit { $0.secretKey = Self.key }
        var shown = "\(configuration) \(String(reflecting: configuration)) \(Self.key)"
        dump(configuration, to: &shown)
        dump(SandboxModel(configuration), to: &shown)
        #expect(!shown.contains("sck_test"))
        #expect(!shown.contains("c2NrX3"))
    }
}
