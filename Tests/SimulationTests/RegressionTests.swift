import SimulationKit
import Testing

/// Seeds that once broke a promise, by the name of what was wrong.
struct RegressionTests {
    struct Regression: Sendable, CustomTestStringConvertible {
        var name: String
        var seed: UInt64
        var testDescription: String { "\(name) (seed \(seed))" }
    }

    static let regressions = [
        Regression(name: "a draining worker took the log's end for the end of its work", seed: 1)
    ]

    @Test(arguments: regressions)
    func keepsEveryPromise(_ regression: Regression) {
        #expect(Simulation(seed: regression.seed).run().violation == nil)
    }
}
