import SimulationKit
import Testing

@Suite struct SmokeTests {
    @Test func aHundredSeedsKeepEveryPromise() async {
        #expect(await Runner().all(from: 1, count: 100, jobs: 2, isPartial: true))
    }
}
