import OTPEngine
import Testing

@Suite("How much may be in memory")
struct AdmissionTests {
    @Test func intakeClosesAtTheHighMarkAndOpensAtTheLow() {
        var admission = Admission(high: 4, low: 2)
        #expect(admission.admitted() == nil)
        #expect(admission.admitted() == nil)
        #expect(admission.admitted() == nil)
        #expect(admission.admitted() == .close)
        #expect(admission.isClosed)
        // What was on its way still comes, and closes nothing twice.
        #expect(admission.admitted() == nil)
        #expect(admission.finished() == nil)
        #expect(admission.finished() == nil)
        #expect(admission.isClosed)
        #expect(admission.finished() == .open)
        #expect(admission.inMemory == 2)
        #expect(admission.admitted() == nil)
        #expect(admission.admitted() == .close)
        #expect(admission.finished(4) == .open)
        #expect(admission.finished(0) == nil)
    }

    @Test func intakeClosesAtItsBytesAndOpensAtHalfOfThem() {
        var admission = Admission(high: 100, low: 50, maximumBytes: 1_000)
        #expect(admission.admitted(bytes: 600) == nil)
        #expect(admission.admitted(bytes: 300) == nil)
        #expect(admission.admitted(bytes: 300) == .close)
        #expect(admission.finished(1, bytes: 300) == nil)
        #expect(admission.finished(1, bytes: 300) == nil, "600 are more than half")
        #expect(admission.finished(1, bytes: 600) == .open)
        #expect(admission.bytes == 0)
    }
}
