import Testing

@testable import OTPSandbox

/// What becomes of a session, call by call.
@Suite struct SessionTests {
    private func codes(
        _ configuration: SandboxConfiguration = implicit(),
        _ typed: [String],
        session: String = "123456"
    ) -> [Int?] {
        var model = SandboxModel(configuration)
        return typed.map { model.check(session, $0).answer?.code?.rawValue }
    }

    @Test func theDocumentedExampleIsAnsweredWordForWord() {
        var model = SandboxModel(implicit())
        let decision = model.check("ART2", "ART2")
        #expect(decision.answer?.status == 200)
        #expect(decision.answer?.body == #"{"code":0,"message":"Başarılı İşlem"}"#)
    }

    @Test(arguments: [0, 100, 17, 1])
    func aSecondCheckOfTheAcceptedCodeIsAnsweredAsSet(_ code: Int) {
        let configuration = implicit {
            $0.repeatAnswer = ReturnCode(rawValue: code)
            $0.otherCodeAnswer = 2
        }
        #expect(codes(configuration, ["3456", "3456", "3456"]) == [0, code, code])
    }

    @Test(arguments: [0, 100, 17, 1])
    func anotherCodeOfAVerifiedSessionIsAnsweredAsSet(_ code: Int) {
        let configuration = implicit {
            $0.otherCodeAnswer = ReturnCode(rawValue: code)
            $0.repeatAnswer = 100
        }
        #expect(codes(configuration, ["3456", "WRONG", "3456"]) == [0, code, 100])
    }

    @Test(arguments: [17, 13])
    func oneWrongCodeTooManyKillsTheSession(_ dead: Int) {
        let configuration = implicit {
            $0.wrongCodesSurvived = 2
            $0.deadAnswer = ReturnCode(rawValue: dead)
        }
        #expect(codes(configuration, ["A", "B", "3456"]) == [1, 1, 0])
        #expect(codes(configuration, ["A", "B", "C", "3456", "D"]) == [1, 1, 1, dead, dead])
    }

    @Test(arguments: [13, 6])
    func aSessionBelongsToTheFirstPhone(_ other: Int) {
        var model = SandboxModel(implicit { $0.otherPhoneAnswer = ReturnCode(rawValue: other) })
        #expect(model.check("123456", "A").answer?.code == 1)
        #expect(model.check("123456", "3456", phone: "5000000000").answer?.code?.rawValue == other)
        #expect(model.check("123456", "3456").answer?.code == 0)
    }

    @Test(arguments: [13, 12, 6])
    func aSessionThatNobodySentIsUnknown(_ unknown: Int) {
        var configuration = SandboxConfiguration()
        configuration.unknownAnswer = ReturnCode(rawValue: unknown)
        #expect(codes(configuration, ["3456"]) == [unknown])
    }

    @Test func aSentCodeIsRightUntilItExpires() throws {
        var model = SandboxModel(SandboxConfiguration())
        #expect(model.send("s").answer?.code == 0)
        let code = try #require(model.code(of: "s"))
        #expect(code == OneTimeCode.sent(for: "s", seed: 1))
        var late = model
        #expect(model.check("s", code, at: .milliseconds(179_999)).answer?.code == 0)
        #expect(late.check("s", code, at: .seconds(180)).answer?.code == 13)
    }

    @Test func sendingNamesTheTimeBeforeWhichItMustNotBeCalledAgain() throws {
        var configuration = SandboxConfiguration()
        configuration.otpLifetime = .seconds(60)
        var model = SandboxModel(configuration)
        // 2017-07-17T12:29:15.0581408Z
        let now: Duration = .seconds(1_500_294_555) + .nanoseconds(58_140_800)
        let first = try #require(model.send("s", at: now).answer)
        let expire = #""otp_expire":"2017-07-17T15:30:15.0581408+03:00""#
        #expect(first.body == #"{\#(expire),"code":0,"message":"Başarılı İşlem"}"#)
        let tooEarly = try #require(model.send("s", at: now + .milliseconds(59_999)).answer)
        #expect(tooEarly.code == 5)
        #expect(tooEarly.body.contains(expire))
        #expect(model.send("s", at: now + .seconds(60)).answer?.code == 0)
    }

    @Test func sendingRevivesADeadSessionButNotAVerifiedOne() throws {
        var configuration = SandboxConfiguration()
        configuration.wrongCodesSurvived = 0
        var model = SandboxModel(configuration)
        _ = model.send("s")
        let code = try #require(model.code(of: "s"))
        #expect(model.check("s", "A").answer?.code == 1)
        #expect(model.check("s", code).answer?.code == 17)
        #expect(model.send("s", at: .seconds(180)).answer?.code == 0)
        #expect(model.check("s", code, at: .seconds(181)).answer?.code == 0)
        #expect(model.send("s", at: .seconds(500)).answer?.code == 17)
        #expect(model.send("s", phone: "5000000000", at: .seconds(500)).answer?.code == 13)
    }

    @Test func noAnswerHoldsTheCode() throws {
        var model = SandboxModel(SandboxConfiguration())
        let answer = try #require(model.send("session").answer)
        #expect(!answer.body.contains(try #require(model.code(of: "session"))))
    }

    @Test(arguments: [
        ("123456", "3456"), ("order-9a", "ER9A"), ("x", "000X"), ("", "0000"), ("a-b~c!d/e", "BCDE"), ("çş12", "0012"),
    ])
    func theImplicitCodeIsTheEndOfTheSession(_ session: String, _ code: String) {
        #expect(OneTimeCode.implicit(for: session) == code)
    }
}
