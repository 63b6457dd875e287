import Testing

@testable import OTPSandbox

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Which calls a fault hits, and what it makes of the decision.
@Suite struct FaultTests {
    private func statuses(_ rules: [FaultRule], _ sessions: [String], seed: UInt64 = 1) -> [Int?] {
        var model = SandboxModel(
            implicit {
                $0.script = SandboxScript(faults: rules)
                $0.seed = seed
            }
        )
        return sessions.map { model.check($0, "A").answer?.status }
    }

    @Test func aRuleWithoutAMatchHitsEveryCallUntilItIsSpent() {
        #expect(statuses([FaultRule(.status(500))], ["a", "b"]) == [500, 500])
        #expect(statuses([FaultRule(.status(500), times: 2)], ["a", "b", "a"]) == [500, 500, 200])
    }

    @Test func timesCanCountPerSession() {
        let rule = FaultRule(.status(503), times: 1, per: .session)
        #expect(statuses([rule], ["a", "b", "a", "b"]) == [503, 503, 200, 200])
    }

    @Test func theNthCallIsCountedOverallOrPerSession() {
        let sessions = ["a", "b", "a", "b"]
        #expect(statuses([FaultRule(.status(500), match: .init(nthCall: 2))], sessions) == [200, 500, 200, 200])
        let second = FaultRule(.status(500), match: .init(nthCall: 2), per: .session)
        #expect(statuses([second], sessions) == [200, 200, 500, 500])
    }

    @Test func prefixAndSuffixMustBothHold() {
        let rule = FaultRule(.status(500), match: .init(sessionPrefix: "a", sessionSuffix: "z"))
        #expect(statuses([rule], ["a", "z", "az", "a-z", "za"]) == [200, 200, 500, 500, 200])
    }

    @Test func aFractionIsSeeded() {
        let rule = FaultRule(.status(500), match: .init(fraction: 0.3))
        let sessions = (0..<1000).map { "s\($0)" }
        let first = statuses([rule], sessions, seed: 3)
        #expect(first == statuses([rule], sessions, seed: 3))
        #expect(first != statuses([rule], sessions, seed: 4))
        #expect((250...350).contains(first.count { $0 == 500 }))
    }

    @Test func theFirstRuleThatHitsWinsAndASpentOneMakesRoom() {
        let rules = [FaultRule(.status(429), times: 1), FaultRule(.answer(17), times: 1)]
        var model = SandboxModel(implicit { $0.script = SandboxScript(faults: rules) })
        #expect((0..<3).map { _ in model.check("s", "000S").answer?.code?.rawValue } == [11, 17, 0])
    }

    @Test func delaysAddUpAndLetTheNextRuleSpeak() {
        var model = SandboxModel(
            implicit {
                $0.latency = .milliseconds(5)...(.milliseconds(5))
                $0.script = SandboxScript(faults: [
                    FaultRule(.delay(.milliseconds(10))), FaultRule(.delay(.milliseconds(20))), FaultRule(.status(500)),
                ])
            }
        )
        let decision = model.check("s", "000S")
        #expect(decision.delay == .milliseconds(35))
        #expect(decision.answer?.status == 500)
        #expect(decision.entry.fault == "status")
    }

    @Test func aFaultHidesTheCallFromTheSessionOrNot() {
        func verifies(_ rule: FaultRule) -> Bool {
            var model = SandboxModel(implicit { $0.script = SandboxScript(faults: [rule]) })
            let decision = model.check("s", "000S")
            model.setScript(SandboxScript())
            let isUsed = model.check("s", "000S").answer?.code == 100
            #expect(decision.entry.processed == isUsed)
            #expect(decision.entry.right)
            return isUsed
        }
        for action in [.status(500), .answer(0), .hang, .cutBeforeReading] as [FaultAction] {
            #expect(!verifies(FaultRule(action)), "\(action.name)")
        }
        for action in [.status(500), .answer(8), .hang] as [FaultAction] {
            #expect(verifies(FaultRule(action, processed: true)), "\(action.name)")
        }
        for action in [
            .delay(.seconds(1)), .cutAfterProcessing, .garbageBytes, .garbageJSON, .halfBody,
            .oversizedBody(), .closeAfterAnswer, .malformedChunks, .slowDrip(),
        ] as [FaultAction] {
            #expect(verifies(FaultRule(action)), "\(action.name)")
        }
    }

    @Test func aStatusCarriesWhatTheRuleSays() throws {
        let rule = FaultRule(.status(503, resultCode: 10, type: "strange", retryAfter: 7))
        var model = SandboxModel(implicit { $0.script = SandboxScript(faults: [rule]) })
        let answer = try #require(model.check("s", "A").answer)
        #expect(answer.body == #"{"type":"strange","message":"Zaman aşımı","code":503,"result_code":10}"#)
        #expect(answer.retryAfter == 7)
    }

    @Test(arguments: [
        ("a~429x2~", [FaultRule(.status(429), times: 2, per: .session)]),
        ("a~429r3x2~b", [FaultRule(.status(429, retryAfter: 3), times: 2, per: .session)]),
        ("~500x1~", [FaultRule(.status(500), times: 1, per: .session)]),
        ("~302~", [FaultRule(.status(302), per: .session)]),
        ("~http401~", [FaultRule(.status(401), per: .session)]),
        ("~code17~", [FaultRule(.answer(17), per: .session)]),
        ("~delay300~", [FaultRule(.delay(.milliseconds(300)), per: .session)]),
        ("~cut-before~", [FaultRule(.cutBeforeReading, per: .session)]),
        ("~cut-afterx1~", [FaultRule(.cutAfterProcessing, times: 1, per: .session)]),
        ("~hang~", [FaultRule(.hang, per: .session)]),
        ("~hang-after~", [FaultRule(.hang, per: .session, processed: true)]),
        ("~503-afterx1~", [FaultRule(.status(503), times: 1, per: .session, processed: true)]),
        ("~204-after~", [FaultRule(.status(204), per: .session, processed: true)]),
        (
            "~page404x2~",
            [
                FaultRule(
                    .body(Array("<html><body><h1>404</h1></body></html>".utf8), status: 404, contentType: "text/html"),
                    times: 2,
                    per: .session
                )
            ]
        ),
        ("~garbage~", [FaultRule(.garbageBytes, per: .session)]),
        ("~garbage-json~", [FaultRule(.garbageJSON, per: .session)]),
        ("~half~", [FaultRule(.halfBody, per: .session)]),
        ("~oversized~", [FaultRule(.oversizedBody(), per: .session)]),
        ("~close~", [FaultRule(.closeAfterAnswer, per: .session)]),
        ("~chunks~", [FaultRule(.malformedChunks, per: .session)]),
        ("~chunked~", [FaultRule(.chunked, per: .session)]),
        ("~informational~", [FaultRule(.informational, per: .session)]),
        ("~drip~", [FaultRule(.slowDrip(), per: .session)]),
        (
            "~delay5~429x1~",
            [
                FaultRule(.delay(.milliseconds(5)), per: .session),
                FaultRule(.status(429), times: 1, per: .session),
            ]
        ),
        ("429x2", []), ("a~429x2", []), ("429~b", []), ("~42~", []), ("~900~", []), ("~hello~", []), ("~~", []),
        ("~codex~", []), ("~x2~", []), ("~page~", []), ("~page42~", []), ("~-after~", []),
    ])
    func aSessionIdIsReadForFaults(_ session: String, _ rules: [FaultRule]) {
        #expect(SessionDirectives.rules(in: session) == rules)
    }

    @Test func aSessionsOwnFaultsComeFirstAndCountAlone() {
        let sessions = ["a~429x2~", "a~429x2~", "b~429x2~", "a~429x2~", "b~429x2~", "b~429x2~"]
        #expect(statuses([], sessions) == [429, 429, 429, 200, 429, 200])
        #expect(statuses([FaultRule(.status(500))], ["a~429x1~", "a~429x1~"]) == [429, 500])
    }

    @Test func sessionFaultsCanBeSwitchedOff() {
        var model = SandboxModel(implicit { $0.sessionDirectives = false })
        #expect(model.check("a~500~", "A500").answer?.code == 0)
    }

    @Test(arguments: [
        (
            #"{"action":"status","status":429,"retry_after":1,"session_prefix":"a","times":2,"per":"session"}"#,
            FaultRule(.status(429, retryAfter: 1), match: .init(sessionPrefix: "a"), times: 2, per: .session)
        ),
        (
            #"{"action":"status","status":500,"result_code":8,"type":"api_error","processed":true}"#,
            FaultRule(.status(500, resultCode: 8, type: "api_error"), processed: true)
        ),
        (#"{"action":"answer","code":17,"nth_call":3}"#, FaultRule(.answer(17), match: .init(nthCall: 3))),
        (
            #"{"action":"delay","ms":300,"fraction":0.5}"#,
            FaultRule(.delay(.milliseconds(300)), match: .init(fraction: 0.5))
        ),
        (
            #"{"action":"cut-after","session_suffix":"z"}"#,
            FaultRule(.cutAfterProcessing, match: .init(sessionSuffix: "z"))
        ),
        (#"{"action":"drip"}"#, FaultRule(.slowDrip())),
        (#"{"action":"drip","ms":1}"#, FaultRule(.slowDrip(interval: .milliseconds(1)))),
        (#"{"action":"oversized","bytes":9}"#, FaultRule(.oversizedBody(bytes: 9))),
        (#"{"action":"body","text":"ş"}"#, FaultRule(.body([0xC5, 0x9F]))),
        (
            #"{"action":"body","base64":"/w==","status":502,"content_type":"text/html"}"#,
            FaultRule(.body([0xFF], status: 502, contentType: "text/html"))
        ),
    ])
    func aRuleHasAJSONForm(_ json: String, _ rule: FaultRule) throws {
        #expect(try JSONDecoder().decode(FaultRule.self, from: Data(json.utf8)) == rule)
    }

    @Test(arguments: [
        #"{}"#, #"{"action":"explode"}"#, #"{"action":"status"}"#, #"{"action":"delay"}"#, #"{"action":"answer"}"#,
        #"{"action":"hang","per":"week"}"#, #"{"action":"hang","time":2}"#, #"{"action":"status","status":100}"#,
        #"{"action":"hang","times":0}"#, #"{"action":"hang","fraction":2}"#, #"{"action":"body"}"#,
        #"{"action":"body","base64":"?"}"#,
    ])
    func anUnusableRuleIsRefused(_ json: String) {
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(FaultRule.self, from: Data(json.utf8)) }
    }
}
