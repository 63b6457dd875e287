import OTPDoctor
import Testing

/// How the findings end the process.
struct DiagnosisTests {
    private let ok = Diagnosis.ok("a", "fine")
    private let skipped = Diagnosis.skipped("b", "not looked at")
    private let warning = Diagnosis.warning("c", "hm", remedy: "do this")
    private let failure = Diagnosis.failure("d", "no", remedy: "do that")

    @Test func theWorstDecidesTheExitCode() {
        #expect([ok, skipped].exitCode == 0)
        #expect([ok, warning, skipped].exitCode == 3)
        #expect([failure, warning].exitCode == 1)
    }
}
