import OTPEngine
import Testing

@Suite("Doubling waits")
struct BackOffTests {
    @Test func fromTheFirstToTheLongestAndFromTheStartAfterASuccess() {
        var backOff = BackOff(first: .milliseconds(50), longest: .milliseconds(300))
        #expect((0..<5).map { _ in backOff.failed().milliseconds } == [50, 100, 200, 300, 300])
        backOff.succeeded()
        #expect(backOff.failed() == .milliseconds(50))
    }
}
