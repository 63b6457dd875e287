import OTPEngine

// What is remembered of events and effects: coverage, the trace, and how a lease ended.
extension Process {
    func note(_ event: Event) {
        world.coverage.hit(.event(EventKind(event)))
        switch event {
        case .committed, .commitAborted: batchEnded()
        case .commitUnknown: isBatchOpen = false
        default: break
        }
        switch event {
        case .timeReached: return
        case .commitAborted(_, .stale, _, _, _): world.coverage.hit(.transition(.abortedStale))
        case .commitAborted(_, .unknownMember, _, _, _): world.coverage.hit(.transition(.abortedUnknownMember))
        case .commitAborted(_, .fenced, _, _, _): world.coverage.hit(.transition(.abortedFenced))
        case .commitAborted(_, .transient, _, _, _): world.coverage.hit(.transition(.abortedTransient))
        case .commitAborted(_, .denied, _, _, _): world.coverage.hit(.transition(.abortedDenied))
        case .commitAborted(_, .tooLarge, _, _, _): world.coverage.hit(.transition(.abortedTooLarge))
        case .producerFailed(true, _): world.coverage.hit(.transition(.producerLocked))
        case .commitUnknown(_, let isFenced, _):
            world.coverage.hit(.transition(isFenced ? .unknownFenced : .unknownUnfenced))
        case .commitResolved(_, let found) where found.isEmpty: world.coverage.hit(.transition(.retraced))
        case .answered(let id, _), .intentWritten(let id, _), .intentFailed(let id, _, _):
            leases[id.epoch]?.gotFurther(at: world.now)
        case .outputsLooked(let found): unwritable = Set(found.keys)
        case .revoked(let numbers):
            revokedIn = revokedIn ?? consumer?.generation
            revoked(numbers, at: world.now)
        case .lost(let numbers): revoked(numbers, at: nil)
        default: break
        }
        world.trace("\(name) <- \(event)")
    }

    private func batchEnded() {
        isBatchOpen = false
        for epoch in batched { leases[epoch]?.gotFurther(at: world.now) }
    }

    private func revoked(_ numbers: [Int32], at moment: Int64?) {
        for (epoch, lease) in leases where numbers.contains(epoch.partition) {
            lease.revokedAt = moment
            lease.gotFurtherAt = nil
            if lease.restoredAt == nil { world.coverage.hit(.transition(.revokedWhileRestoring)) }
        }
    }

    func note(_ effect: Effect) {
        world.coverage.hit(.effect(EffectKind(effect)))
        switch effect {
        case .wake: return
        case .report(let fact): note(fact)
        case .commit(let batch):
            batched = batch.offsets.map(\.epoch)
            isBatchOpen = true
            world.trace("\(name)    -> \(effect)")
        default: world.trace("\(name)    -> \(effect)")
        }
    }

    private func note(_ fact: Fact) {
        world.coverage.hit(.fact(FactKind(fact)))
        world.trace("\(name)       \(fact)")
        switch fact {
        case .commitResolved(let counted):
            let transition: Transition = counted.map { $0 ? .tracedCounted : .tracedNotCounted } ?? .tracedNoneLeft
            world.coverage.hit(.transition(transition))
            batchEnded()
        case .leaseLost(let cause):
            isLeaseValid = false
            switch cause {
            case .slept: world.coverage.hit(.transition(.leaseLostSlept))
            case .coordinatorSilent: world.coverage.hit(.transition(.leaseLostSilent))
            case .fenced: world.coverage.hit(.transition(.leaseLostFenced))
            }
        case .leaseRegained: isLeaseValid = true
        case .guessed(_, .phone): world.coverage.hit(.transition(.phoneGuessed))
        case .released(let numbers, let unfinished):
            world.coverage.hit(.transition(unfinished == 0 ? .releasedFinished : .releasedUnfinished))
            if unfinished > 0 { checkTime(of: leases.filter { numbers.contains($0.key.partition) }.map(\.value)) }
        case .stopped(let unfinished):
            world.coverage.hit(.transition(unfinished == 0 ? .stoppedIdle : .stoppedUnfinished))
        case .upstream(let change): note(change)
        case .parked(let number, _):
            for (epoch, lease) in leases where epoch.partition == number { lease.wasParked = true }
        case .restoring(_, let from, _) where from > 0: world.coverage.hit(.transition(.restoredBeyondStart))
        case .restored(_, _, _, _, let withoutMetadata):
            if withoutMetadata { world.coverage.hit(.transition(.withoutMetadata)) }
        case .restoreFailed: world.coverage.hit(.transition(.restoreRetried))
        default: break
        }
    }

    /// They are given back with work that is not finished: what cannot be written is not waited for.
    private func checkTime(of given: [Lease]) {
        guard !given.contains(where: { $0.wasParked || unwritable.contains($0.epoch.partition) }) else { return }
        for lease in given where lease.mustFinishUntil.map({ world.now < $0 }) == true {
            world.violate("\(name) gives \(lease.epoch) back unfinished, and something of it has just finished")
        }
        guard isBatchOpen else { return }
        for lease in given where batched.contains(lease.epoch) && lease.mayTakeUntil.map({ world.now < $0 }) == true {
            world.violate("\(name) gives \(lease.epoch) back while its results are in a transaction that has not ended")
        }
    }

    private func note(_ change: UpstreamChange) {
        let transition: Transition =
            switch change {
            case .breakerOpened: .breakerOpened
            case .breakerHalfOpened: .breakerHalfOpened
            case .breakerClosed: .breakerClosed
            case .halted: .halted
            case .recovered: .recovered
            case .held: .heldBack
            case .rateLimited: .rateLimited
            case .concurrencyCut: .concurrencyCut
            case .retryDenied: .retryDenied
            case .waitTimedOut: .waitTimedOut
            }
        world.coverage.hit(.transition(transition))
    }
}
