import OTPEngine
import OTPWorker
import Testing

/// What the engine takes where a test or a simulated fleet says nothing is what a worker takes whose settings say nothing.
struct EngineDefaultsTests {
    @Test func theEnginesDefaultsAreTheSettings() {
        let settings = WorkerConfiguration()
        let engine = EngineConfiguration.sample
        let (upstream, delivery, ledger) = (settings.checkOTP, settings.delivery, settings.ledger)
        #expect(engine.maximumAge == settings.commands.maximumAge)
        #expect(engine.totalTimeout == upstream.totalTimeout)
        #expect(engine.attemptTimeout == upstream.attemptTimeout)
        #expect(engine.maximumInFlight == upstream.maximumInFlight)
        let retry = RetrySchedule(
            maximumAttempts: upstream.maximumAttempts,
            base: upstream.backOffBase,
            cap: upstream.backOffCap,
            ambiguousRetries: upstream.ambiguousRetries
        )
        #expect(engine.retry == retry)
        var protection = ProtectionSettings(settings.breaker, upstream, partitions: 1)
        protection.partitions = nil
        #expect(engine.protection == protection)
        #expect(engine.admission.high == delivery.admissionHigh && engine.admission.low == delivery.admissionLow)
        #expect(engine.maximumCodes == ledger.maximumCodesPerSession)
        #expect(engine.maximumWrongCodes == ledger.maximumWrongCodesPerPhone)
        #expect(engine.retention == ledger.retention)
        #expect(engine.restoreTimeout == ledger.restoreTimeout)
        #expect(engine.acceptLedgerLoss == ledger.acceptLoss)
        #expect(engine.commitInterval == delivery.commitInterval)
        #expect(engine.maximumBatch == delivery.maximumBatch)
        #expect(engine.revokeTimeout == delivery.revokeTimeout)
        #expect(engine.drainTimeout == delivery.drainTimeout)
        #expect(engine.sessionTimeout == settings.kafka.sessionTimeout)
        #expect(engine.transactionTimeout == settings.kafka.transactionTimeout)
    }
}
