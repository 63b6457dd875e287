import OTPEngine

/// What can go wrong in a run.
///
/// Each seed turns some of it on, so that rare faults meet in every combination.
package enum Fault: String, CaseIterable, Sendable {
    // Processes
    case crash, crashAtEffect, crashInTransaction, crashAfterWrite, neverRestarted, drained, twin, scaled, keyRotated,
        clockSkew
    case freeze, freezeInTransaction, freezeBeforeWrite, loopStall
    // Network
    case coordinatorCut, brokerCut
    // Transactions
    case commitAnswerLost, commitAnswerLostUnapplied, transactionTransient, transactionStalls, slowMarkers
    case initFails, ledgerOffsetsUnsaid, fatalProducer
    // Outputs
    case resultRefused, letterRefused, ledgerRefused, defaultTopicRefused, faultsUnnamed
    case lettersDenied, smallBatchesOnly, ledgerWithoutLeader, resultsWithoutLeader
    // Intents
    case intentSlow, intentFails, intentFailsButWritten, intentOffsetUnsaid
    // Restoring
    case queryFails, traceFails, compaction, ledgerRecreated, foreignLedgerRecords, consumerFatal
    // The group
    case joinsEarly
    case staleOffsets, staleEnds, barrierFails
    // Commands
    case redelivery, skippedOffsets, wideGap, commandsHeldBack, commandsDeleted, readingStops, undecodable
    case duplicates, burst, wrongKey, unusable, guessing, oldCommands, shortLives
    // The upstream
    case outage, rateLimit, keyRevoked, cutBefore, cutAfter, slowAnswers, oddCodes, oddStatuses, unreadable,
        connectFails
    case connectSlow, externalSuccess, poisonedSession

    /// Came later, and is drawn by itself: a seed without it is what it was before.
    static let drawnApart: Set<Fault> = [.joinsEarly]
    static let drawnTogether = allCases.filter { !drawnApart.contains($0) }
}

/// One seed's circumstances: how many of everything, which faults, which of the upstream's open questions is answered how.
struct Plan {
    var workers: Int
    var partitions: Int32
    var isStatic: Bool
    var faults: Set<Fault>
    /// How long faults go on.
    var faultsEnd: Int64
    var sessions: Int
    var timedFaults: Int
    /// What the upstream answers about a code that was accepted already, about another one then, and once locked.
    var secondAnswer: Int
    var otherAnswer: Int
    var lockedAnswer: Int
    var wrongCodesUntilLocked: Int
    var retention: Duration
    var maximumAge: Duration
    var totalTimeout: Duration
    var attemptTimeout: Duration
    var maximumInFlight: Int
    var admission: Admission
    var maximumBatch: Int
    var maximumCodes: Int
    var maximumWrongCodes: Int
    var drainTimeout: Duration
    var acceptsLedgerLoss: Bool
    var protection = ProtectionSettings.none

    static let sessionTimeout = sec(6)
    static let heartbeat = sec(1)
    static let transactionTimeout = sec(10)

    init(seed: UInt64) {
        var random = SplitMix64(seed: seed &* 0x9E37_79B9 &+ 17)
        func pick<Value>(_ values: [Value]) -> Value { values[Int.random(in: 0..<values.count, using: &random)] }
        workers = pick([1, 1, 2, 2, 2, 3, 3, 4, 5])
        partitions = pick([1, 1, 2, 3, 4])
        isStatic = pick([true, false])
        faultsEnd = sec(Int64.random(in: 20...70, using: &random))
        sessions = Int.random(in: 6...30, using: &random)
        timedFaults = Int.random(in: 0...6, using: &random)
        secondAnswer = pick([0, 100, 17, 1])
        otherAnswer = pick([1, 17, 100, 5])
        lockedAnswer = pick([17, 5, 13])
        wrongCodesUntilLocked = pick([3, 5, 100])
        let isForgetful = pick([true, false, false])
        maximumAge = isForgetful ? .seconds(15) : pick([.seconds(30), .seconds(60), .seconds(120)])
        retention = isForgetful ? .seconds(20) : .seconds(1_800)
        totalTimeout = pick([.seconds(5), .seconds(15)])
        attemptTimeout = pick([.seconds(1), .seconds(5)])
        maximumInFlight = pick([2, 8, 64, 512])
        admission = pick([Admission(high: 12, low: 6), Admission(high: 16_384, low: 8_192)])
        maximumBatch = pick([1, 3, 20, 2_000])
        maximumCodes = pick([3, 10])
        maximumWrongCodes = pick([0, 0, 0, 4])
        drainTimeout = pick([.seconds(5), .seconds(20)])
        acceptsLedgerLoss = pick([true, true, false])
        faults = []
        switch Int.random(in: 0..<8, using: &random) {
        case 0: break
        case 1...2: for _ in 0..<4 { faults.insert(pick(Fault.drawnTogether)) }
        default:
            let density = Double.random(in: 0.1...0.6, using: &random)
            for fault in Fault.drawnTogether where Double.random(in: 0..<1, using: &random) < density {
                faults.insert(fault)
            }
        }
        var apart = SplitMix64(seed: seed &* 0xD134_2543 &+ 29)
        for fault in Fault.drawnApart where Int.random(in: 0..<4, using: &apart) == 0 { faults.insert(fault) }
        if faults.contains(.ledgerRecreated), Int.random(in: 0..<4, using: &random) > 0 {
            // It ends so many promises that it is to be rare.
            faults.remove(.ledgerRecreated)
        }
        if Int.random(in: 0..<3, using: &random) > 0 { faults.remove(.keyRotated) }
        if !faults.contains(.ledgerRecreated) { acceptsLedgerLoss = false }
        // Half of the runs go without, so that what a protection would prevent stays within reach.
        guard pick([true, false]) else { return }
        protection = ProtectionSettings(
            breaker: pick([
                nil, .init(consecutiveFailures: 3, failureShare: pick([0.5, 1]), minimumCalls: 5),
                .init(consecutiveFailures: 8, minimumCalls: 10, maxOpenDuration: .seconds(4)),
            ]),
            haltProbeInterval: pick([nil, .milliseconds(500), .seconds(5)]),
            maxHaltProbeInterval: pick([.seconds(2), .seconds(30)]),
            retryShare: pick([nil, 0.2]),
            retryFloor: pick([1, 10]),
            rateLimit: pick([nil, nil, 3, 10]),
            partitions: Int(partitions),
            adaptsConcurrency: pick([true, false]),
            shedsHopeless: pick([true, false])
        )
    }
}

extension Plan {
    func configuration(worker: String, keyID: UInt32, processID: UInt64, accepts: Bool) -> EngineConfiguration {
        EngineConfiguration(
            topic: "commands",
            group: "group",
            worker: worker,
            clusterID: "cluster",
            keyID: keyID,
            processID: processID,
            transactionalID: worker,
            maximumAge: maximumAge,
            totalTimeout: totalTimeout,
            attemptTimeout: attemptTimeout,
            retry: RetrySchedule(maximumAttempts: 4, base: .milliseconds(200), cap: .seconds(2), ambiguousRetries: 1),
            maximumInFlight: maximumInFlight,
            protection: protection,
            admission: admission,
            maximumCodes: maximumCodes,
            maximumWrongCodes: maximumWrongCodes,
            retention: retention,
            maximumBatch: maximumBatch,
            drainTimeout: drainTimeout,
            acceptLedgerLoss: accepts
        )
    }
}
