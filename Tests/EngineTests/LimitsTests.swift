import OTPEngine
import Testing

@Suite("How the bounds relate")
struct LimitsTests {
    @Test func theWindowsMarksAreInOrder() {
        #expect(0 < Limits.windowLow)
        #expect(Limits.windowLow < Limits.windowHigh)
        #expect(Limits.windowHigh < Limits.window)
        #expect(Limits.window % 8 == 0)
    }

    @Test func aFullBitmapFitsTheOffsetsMetadata() {
        let bitmap = Int(Limits.window) / 8
        let rest = 1 + 1 + Limits.clusterIDBytes + 4 * 8
        let characters = (rest + bitmap + 2) / 3 * 4
        #expect(characters <= Limits.offsetMetadataBytes)
    }

    @Test func aSessionsLedgerRecordStaysFarBelowABrokersMegabyte() {
        let perCode = 64 + Limits.messageBytes
        let bytes = 12 + Limits.codesPerSession * perCode
        #expect(bytes < 65_536)
    }

    @Test func waitsGrow() {
        #expect(.zero < Limits.firstRetry && Limits.firstRetry < Limits.longestRetry)
        #expect(.zero < Limits.firstParking && Limits.firstParking < Limits.longestParking)
    }

    @Test func theDefaultsRelate() {
        let defaults = EngineConfiguration(
            topic: "t",
            group: "g",
            worker: "w",
            clusterID: "c",
            keyID: 1,
            processID: 1,
            transactionalID: "w"
        )
        #expect(defaults.retention >= defaults.maximumAge)
        #expect(defaults.attemptTimeout < defaults.totalTimeout && defaults.totalTimeout < defaults.maximumAge)
        #expect(defaults.retry.cap < defaults.totalTimeout)
        #expect(defaults.maximumCodes < Limits.codesPerSession)
        #expect(defaults.admission.high <= Int(Limits.window))
        #expect(defaults.maximumInFlight <= defaults.admission.low)
        #expect(defaults.revokeTimeout < Limits.longestRevocation && Limits.longestRevocation < defaults.sessionTimeout)
        #expect(Limits.predecessorPatience < defaults.transactionTimeout)
        #expect(Limits.endsInterval < Limits.readingPatience)
        #expect(Limits.leastBatchBytes < Limits.batchBytes)
        #expect(defaults.drainTimeout > defaults.totalTimeout)
        #expect(defaults.commitInterval < Limits.idleCommit)
        #expect(defaults.maximumBatch <= defaults.admission.low)
    }

    @Test func theProtectionsDefaultsRelate() throws {
        let protection = ProtectionSettings()
        let breaker = try #require(protection.breaker)
        let pace = try #require(protection.haltProbeInterval)
        let defaults = EngineConfiguration(
            topic: "t",
            group: "g",
            worker: "w",
            clusterID: "c",
            keyID: 1,
            processID: 1,
            transactionalID: "w"
        )
        // A command that waits lives to be the probe of a breaker that just opened.
        #expect(breaker.openDuration < protection.maximumWait)
        #expect(breaker.openDuration < breaker.maxOpenDuration && pace < protection.maxHaltProbeInterval)
        #expect(protection.maximumWait < defaults.totalTimeout)
        #expect(protection.longestHold >= defaults.retry.cap)
        #expect(breaker.consecutiveFailures <= breaker.minimumCalls)
    }
}
