import OTPContract

/// The transaction: at most one at a time, and never forgotten.
///
/// Knows what is in it, and what to do about each way in which it can end; what a batch holds is formed elsewhere.
package struct TransactionState: Sendable {
    /// What a batch did to one partition, for the moment at which its end is known.
    package struct Share: Equatable, Sendable {
        package struct State: Equatable, Sendable {
            /// Its index among the batch's ledger writes.
            var index: Int
            var session: SessionDigest
            var codes: [CodeState]
        }

        package struct Void: Equatable, Sendable {
            var session: SessionDigest
            var fingerprint: Fingerprint
            var source: Int64
        }

        package var offsets: [Int64] = []
        /// The offset that it commits.
        package var committedOffset: Int64 = 0
        /// Newest ledger offset acknowledged when the batch was formed: where its writes count if the broker does not say.
        package var floor: Int64 = 0
        package var states: [State] = []
        package var voids: [Void] = []
        /// Records that could not be decoded, whose dead letters are in the batch.
        package var skipped: [Range<Int64>] = []

        /// The newest record that it finishes, if it finishes any: the ledger's proof of it names this one, or a session of one.
        var newestFinished: Int64? { offsets.max() ?? skipped.last.map { $0.upperBound - 1 } }
    }

    /// The open transaction.
    package struct Open: Equatable, Sendable {
        package var id: BatchID
        package var formed: Instant
        /// Losses of the lease known when it was formed.
        package var leaseLosses: UInt64
        package var results: [RecordID]
        package var ledger: [PartitionEpoch]
        package var deadLetters: [RecordID]
        package var shares: [PartitionEpoch: Share]
        /// Records whose results were asked for elsewhere than on the default topic.
        package var replies: [RecordID] = []
        /// It was told to abort: told once.
        package var isCancelled = false
    }

    package enum Phase: Equatable, Sendable {
        /// No producer yet, or a new one is being made; nothing is open.
        case waitingForProducer
        case idle
        case committing(Open)
        /// The last one was aborted, and what was refused is not tried again before this.
        case backingOff(until: Instant)
        /// Nobody knows how it ended; first a new producer must make the broker decide.
        case unknown(Open)
        /// What is committed now is being asked.
        case resolving(Open)
        /// That could not be learnt; to be asked again.
        case resolvingAgain(Open, at: Instant)
    }

    package private(set) var phase = Phase.waitingForProducer
    /// Which producer there is, or is being made.
    package private(set) var producer = ProducerChoice()

    package init(batchBytes: Int = Limits.batchBytes) { producer.batchBytes = batchBytes }

    /// The transaction that has not ended, or of which nobody knows how.
    package var unended: Open? {
        switch phase {
        case .committing(let open), .unknown(let open), .resolving(let open), .resolvingAgain(let open, _): open
        case .waitingForProducer, .idle, .backingOff: nil
        }
    }

    /// The id that this worker's transactions have now, by the slot's first.
    package func transactionalID(of slot: String) -> String {
        producer.isAlternate ? ProducerChoice.alternate(of: slot) : slot
    }

    /// The id is locked: the slot's other one goes on.
    package mutating func switchProducer() { producer.isAlternate.toggle() }

    /// Several outputs together were too large.
    /// - Returns: the bytes to go on with; nil when there is no less to try.
    package mutating func cutBatchBytes() -> Int? {
        guard producer.batchBytes / 2 >= Limits.leastBatchBytes else { return nil }
        producer.batchBytes /= 2
        return producer.batchBytes
    }

    /// The outputs take less than the producer may send at once.
    /// - Returns: whether it is given up for that.
    package mutating func lower(batchBytes: Int) -> Bool {
        guard batchBytes < producer.batchBytes, producerAbandoned() else { return false }
        producer.batchBytes = batchBytes
        return true
    }

    package func canForm(at now: Instant) -> Bool {
        switch phase {
        case .idle: true
        case .backingOff(let until): now >= until
        case .waitingForProducer, .committing, .unknown, .resolving, .resolvingAgain: false
        }
    }

    /// Nothing is open and nothing is waited for.
    package var isIdle: Bool {
        switch phase {
        case .idle, .backingOff, .waitingForProducer: true
        case .committing, .unknown, .resolving, .resolvingAgain: false
        }
    }

    package var hasProducer: Bool {
        switch phase {
        case .waitingForProducer, .unknown: false
        case .idle, .committing, .backingOff, .resolving, .resolvingAgain: true
        }
    }

    package var nextWake: Instant? {
        switch phase {
        case .backingOff(let until): until
        case .resolvingAgain(_, let at): at
        case .waitingForProducer, .idle, .committing, .unknown, .resolving: nil
        }
    }

    package mutating func formed(_ open: Open) {
        switch phase {
        case .idle, .backingOff: phase = .committing(open)
        case .waitingForProducer, .committing, .unknown, .resolving, .resolvingAgain:
            preconditionFailure("a second transaction in phase \(phase)")
        }
    }

    /// - Returns: what was in it; nil when this is news of another one.
    package mutating func committed(_ id: BatchID) -> Open? {
        guard case .committing(let open) = phase, open.id == id else { return nil }
        phase = .idle
        return open
    }

    package mutating func aborted(_ id: BatchID, until: Instant?) -> Open? {
        guard case .committing(let open) = phase, open.id == id else { return nil }
        phase = until.map { .backingOff(until: $0) } ?? .idle
        return open
    }

    package mutating func cancelled() {
        guard case .committing(var open) = phase else { return }
        open.isCancelled = true
        phase = .committing(open)
    }

    /// A new producer is to be made.
    /// - Returns: what is in the transaction that may have committed.
    package mutating func becameUnknown(_ id: BatchID) -> Open? {
        guard case .committing(let open) = phase, open.id == id else { return nil }
        phase = .unknown(open)
        return open
    }

    /// The producer is given up while nothing is open.
    package mutating func producerAbandoned() -> Bool {
        switch phase {
        case .idle, .backingOff:
            phase = .waitingForProducer
            return true
        case .waitingForProducer, .committing, .unknown, .resolving, .resolvingAgain: return false
        }
    }

    /// A new producer is ready, so whatever was pending under its id is decided.
    /// - Returns: the transaction to resolve.
    package mutating func producerReady() -> Open? {
        switch phase {
        case .waitingForProducer:
            phase = .idle
            return nil
        case .unknown(let open):
            phase = .resolving(open)
            return open
        case .idle, .committing, .backingOff, .resolving, .resolvingAgain: return nil
        }
    }

    /// What is in the transaction whose end is being asked about; nil when this is news of another one.
    package func inResolution(_ id: BatchID) -> Open? {
        guard case .resolving(let open) = phase, open.id == id else { return nil }
        return open
    }

    package mutating func resolved(_ id: BatchID) {
        if inResolution(id) != nil { phase = .idle }
    }

    package mutating func unresolved(_ id: BatchID, retryAt: Instant) {
        guard case .resolving(let open) = phase, open.id == id else { return }
        phase = .resolvingAgain(open, at: retryAt)
    }

    /// Ends the wait after an abort, whether there is anything to commit or not: a moment that has passed must not be waited for.
    /// - Returns: the transaction to resolve again.
    package mutating func timeReached(_ now: Instant) -> Open? {
        if case .backingOff(let until) = phase, now >= until { phase = .idle }
        guard case .resolvingAgain(let open, let at) = phase, now >= at else { return nil }
        phase = .resolving(open)
        return open
    }
}
