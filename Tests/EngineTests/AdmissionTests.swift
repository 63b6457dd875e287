import Engine
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
}
