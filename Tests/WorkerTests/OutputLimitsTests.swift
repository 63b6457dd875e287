import Testing

@testable import OTPWorker

/// What one partition's records may take together, and how many replicas must take them, as the topics' settings say.
struct OutputLimitsTests {
    @Test func theLeastLimitOfTheOutputsCounts() {
        var limits = OutputLimits()
        limits.apply(["max.message.bytes": "1048588", "min.insync.replicas": "2"], of: "results")
        #expect(limits == OutputLimits(batchBytes: 65_536, leastInSync: ["results": 2]))
        limits.apply(["max.message.bytes": "20000", "min.insync.replicas": "1"], of: "ledger")
        #expect(limits.batchBytes == 19_488)
        limits.apply(["max.message.bytes": "30000"], of: "dead-letters")
        #expect(limits == OutputLimits(batchBytes: 19_488, leastInSync: ["results": 2, "ledger": 1]))
    }

    /// Below it nothing of ours would fit: what is too large is told record by record.
    @Test func aLimitThatTakesNothingIsNoReasonToSendNothing() {
        var limits = OutputLimits()
        limits.apply(["max.message.bytes": "100"], of: "results")
        #expect(limits.batchBytes == 1_024)
        limits.apply(["max.message.bytes": "what"], of: "ledger")
        #expect(limits.batchBytes == 1_024)
    }
}
