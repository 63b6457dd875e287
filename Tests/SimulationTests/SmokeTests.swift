import SimulationKit
import Testing

/// A few seeds of everything; the many are run by `Tests/Simulation/run.sh`.
struct SmokeTests {
    @Test func aHundredSeedsKeepEveryPromise() async {
        #expect(await Runner().all(from: 1, count: 100, jobs: 2, isPartial: true))
    }

    @Test func aSeedIsRepeatedToTheEvent() {
        for seed: UInt64 in 1...10 {
            let runs = [Simulation(seed: seed).run(), Simulation(seed: seed).run()]
            #expect(runs[0].events == runs[1].events)
            #expect(runs[0].coverage.counts == runs[1].coverage.counts)
        }
    }

    @Test(arguments: [ShellFault.permitsNotAsked, .intentNotAwaited, .unknownTakenForAborted])
    func aFailingShellIsSeen(_ fault: ShellFault) async {
        #expect(
            await Runner(shellFault: fault, isUntilFailure: true).all(from: 1, count: 300, jobs: 2, isPartial: true)
                == false
        )
    }
}
