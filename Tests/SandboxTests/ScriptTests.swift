import Testing

@testable import OTPSandbox

/// Which phase a call meets, and which scripts are refused.
@Suite struct ScriptTests {
    /// The statuses of calls at these times, in seconds.
    private func statuses(_ script: SandboxScript, at times: [Double]) -> [Int?] {
        var model = SandboxModel(implicit { $0.script = script })
        return times.map { model.check("s", "000S", at: .seconds(1_000_000) + .seconds($0)).answer?.status }
    }

    private func outage(_ status: Int, for seconds: Int? = nil, calls: Int? = nil) -> SandboxScript.Phase {
        SandboxScript.Phase(for: seconds.map { .seconds($0) }, calls: calls, faults: [FaultRule(.status(status))])
    }

    @Test func phasesFollowOneAnotherFromTheFirstCallOnAndThenAllIsWell() {
        let script = SandboxScript([outage(503, for: 30), outage(429, for: 10)])
        #expect(statuses(script, at: [0, 29.9, 30, 39.9, 40, 4000]) == [503, 503, 429, 429, 200, 200])
    }

    @Test func aPhaseCanBeMissedAndTheNextIsNotLater() {
        let script = SandboxScript([outage(503, for: 1), outage(500, for: 1), outage(429, for: 1)])
        #expect(statuses(script, at: [0, 2.5, 3]) == [503, 429, 200])
    }

    @Test func aPhaseCanEndByCalls() {
        let script = SandboxScript([outage(503, calls: 2), outage(429, for: 10)])
        #expect(statuses(script, at: [0, 7, 8, 16.9, 17]) == [503, 503, 429, 429, 200])
        #expect(statuses(SandboxScript([outage(503, for: 5, calls: 2)]), at: [0, 5, 6]) == [503, 200, 200])
    }

    @Test func aScriptCanRepeat() {
        let script = SandboxScript([outage(503, for: 1), SandboxScript.Phase(for: .seconds(1))], repeats: true)
        #expect(statuses(script, at: [0, 1, 2, 3, 1000, 1001]) == [503, 200, 503, 200, 503, 200])
        #expect(statuses(SandboxScript([outage(503, calls: 1)], repeats: true), at: [0, 1, 2]) == [503, 503, 503])
    }

    @Test func faultsCountFromOneInEachPhase() {
        let once = [FaultRule(.status(500), times: 1)]
        let phase = SandboxScript.Phase(for: .seconds(1), faults: once)
        #expect(statuses(SandboxScript([phase], repeats: true), at: [0, 0.5, 1, 1.5]) == [500, 200, 500, 200])
    }

    @Test func aPhaseHasItsOwnLatencyAndRate() {
        let slow = SandboxScript.Phase(for: .seconds(1), latency: .seconds(2) ... .seconds(2), rateLimit: 1)
        var model = SandboxModel(implicit { $0.script = SandboxScript([slow]) })
        let first = model.check("s", "000S", at: .seconds(10))
        #expect(first.delay == .seconds(2) && first.answer?.status == 200)
        #expect(model.check("s", "000S", at: .seconds(10)).answer?.status == 429)
        let later = model.check("s", "000S", at: .seconds(11))
        #expect(later.delay == .zero && later.answer?.status == 200)
    }

    @Test func aScriptIsReadFromYAML() throws {
        let script = try SandboxScript(
            yaml: """
                # An outage, then losses.
                phases:
                  - name: outage
                    seconds: 30
                    faults: [{action: status, status: 503}]
                  - calls: 1000
                    latency_ms: [10, 50]
                    rate_limit: 100
                    faults:
                      - {action: cut-after, fraction: 0.05}
                  - latency_ms: 20
                """
        )
        let fifty = SandboxScript.Phase(
            "phase 2",
            calls: 1000,
            faults: [FaultRule(.cutAfterProcessing, match: .init(fraction: 0.05))],
            latency: .milliseconds(10) ... .milliseconds(50),
            rateLimit: 100
        )
        #expect(
            script
                == SandboxScript([
                    SandboxScript.Phase("outage", for: .seconds(30), faults: [FaultRule(.status(503))]), fifty,
                    SandboxScript.Phase("phase 3", latency: .milliseconds(20) ... .milliseconds(20)),
                ])
        )
    }

    @Test func rulesAloneAreAScript() throws {
        #expect(
            try SandboxScript(yaml: #"[{"action":"hang","times":2}]"#)
                == SandboxScript(faults: [FaultRule(.hang, times: 2)])
        )
        #expect(try SandboxScript(yaml: "[]").phases.map(\.faults) == [[]])
    }

    @Test(arguments: [
        ("phases: []", "phases: 1 to 1000 of them"),
        ("{}", "phases: missing"),
        (
            "phases: [{}, {seconds: 1}]",
            "phases: one without `seconds` or `calls` never ends, so what follows never comes"
        ),
        (
            "{phases: [{}], repeat: true}",
            "phases: one without `seconds` or `calls` never ends, so what follows never comes"
        ),
        ("phases: [{seconds: 0}]", "phases[0].seconds: 0.01 to 1000000"),
        ("phases: [{seconds: soon}]", "phases[0].seconds: of the wrong type"),
        ("phases: [{second: 1}]", "phases[0].second: no such field"),
        ("phases: [{calls: 0}]", "phases[0].calls: from 1 on"),
        ("phases: [{rate_limit: 0}]", "phases[0].rate_limit: from 1 on"),
        ("phases: [{latency_ms: [5, 1]}]", "phases[0].latency_ms: a number or [lowest, highest], up to 3600000"),
        ("phases: [{faults: [{action: explode}]}]", "phases[0].faults[0].action: no such action"),
        ("[{action: status, status: 42}]", "[0].status: 200 to 599"),
        ("[{action: hang, fraction: 7}]", "[0].fraction: 0 to 1"),
    ])
    func anUnusableScriptSaysWhere(_ yaml: String, _ problem: String) {
        #expect(throws: SandboxScriptError(description: problem)) { try SandboxScript(yaml: yaml) }
    }

    @Test func whatIsNotYAMLSaysTheLine() throws {
        let error = #expect(throws: SandboxScriptError.self) { try SandboxScript(yaml: "phases:\n  - {seconds: 1\n") }
        #expect(try #require(error).description.contains("3:1"))
    }
}
