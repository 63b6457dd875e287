import OTPContract
import OTPDoctor
import Testing
import otp_worker

/// How the findings look.
struct DoctorTextTests {
    private let ok = Diagnosis.ok("a", "fine")
    private let skipped = Diagnosis.skipped("b", "not looked at")
    private let warning = Diagnosis.warning("c", "hm", remedy: "do this")
    private let failure = Diagnosis.failure("d", "no\u{1B}[2J", remedy: "do that")

    @Test func aLineNamesTheCheckAndTheRemedy() {
        #expect(DoctorText.line(warning) == "warning  c: hm\n         → do this")
        #expect(DoctorText.line(ok) == "ok       a: fine")
        #expect(!DoctorText.line(failure).contains("\u{1B}"))
        #expect(DoctorText.summary([ok, ok, warning, skipped]) == "\n1 warning, 1 skipped, 2 ok")
    }

    @Test func programsReadTheSame() throws {
        let json = try JSON.parse(DoctorText.json([ok, warning]))
        #expect(json["worst"]?.string == "warning")
        guard case .array(let findings)? = json["findings"] else {
            Issue.record("no findings")
            return
        }
        #expect(findings.map { $0["check"]?.string } == ["a", "c"])
        #expect(findings[1]["remedy"]?.string == "do this")
    }
}
