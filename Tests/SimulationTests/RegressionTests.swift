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
        Regression(name: "a draining worker took the log's end for the end of its work", seed: 202),
        Regression(name: "an outcome was forgotten while its record was unanswered", seed: 32_124),
        Regression(name: "a command past its time was asked about after a short sleep", seed: 9_046),
        Regression(
            name: "a failure reached for a record was asked about again, and a second crash unseen",
            seed: 29_664
        ),
        Regression(name: "an intent was written before the tombstone of the one before it", seed: 11),
        Regression(name: "a record voided the intent of another", seed: 162),
        Regression(name: "a coordinator was silent for a whole session, and calls went on", seed: 6_766),
        Regression(name: "outcomes of a parked partition waited for ever", seed: 1_190),
        Regression(name: "a commit was taken for none because its ledger had been made again", seed: 3_025_705),
        Regression(name: "a record passed over beyond the window kept its partition from every owner", seed: 3_041_779),
    ]

    @Test(arguments: regressions)
    func keepsEveryPromise(_ regression: Regression) {
        #expect(Simulation(seed: regression.seed).run().violation == nil)
    }
}
