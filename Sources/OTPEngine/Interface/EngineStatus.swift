/// The engine's state at one moment, for probes, metrics and people.
///
/// It holds no code, phone number or key.
package struct EngineStatus: Equatable, Sendable {
    /// One owned partition.
    package struct Partition: Equatable, Sendable {
        package var number: Int32
        /// `restoring`, `active`, `revoking` or `parked`.
        package var phase: String
        /// Why it is parked.
        package var parkedFor: String?
        /// Records lie above its position and do not come.
        package var isUnread: Bool
        /// Its last stable offset, as its leader last said; nil until it was asked.
        package var end: Int64?
        /// Every record below it is finished.
        package var committedOffset: Int64
        /// The next offset to be received.
        package var next: Int64
        package var commands: Int
        /// Commands of one session are handled one at a time: sessions in which some wait for that.
        package var waitingSessions: Int
        package var sessions: Int
        /// Those of which some answer was lost.
        package var sessionsInDoubt: Int
        package var isPaused: Bool
    }

    /// A transaction that does not end.
    package struct Overdue: Equatable, Sendable {
        package var age: Duration
        /// Those whose results, or ledger, are written in it.
        package var partitions: [Int32]
    }

    /// What stands between commands and the upstream.
    package struct Upstream: Equatable, Sendable {
        package enum State: String, Equatable, Sendable, CaseIterable {
            case serving
            /// The account or the key is refused.
            case halted
            /// It only failed of late.
            case breakerOpen = "breaker_open"
            /// A single command finds out whether it is back.
            case probing
            /// It asked for a pause.
            case held
        }

        package var state: State
        /// What halted it.
        package var cause: String?
        /// Some session was refused for the key's or the account's sake and nobody served since: enough of them halt.
        package var isKeyInQuestion = false
        /// For how long it has been halted.
        package var haltedFor: Duration?
        /// From now until commands may be asked about again, if that is a matter of time.
        package var reopensIn: Duration?
        /// Calls at a time that it is found to take.
        package var concurrencyLimit: Int
        /// Calls per second that this worker may make; nil: any number.
        package var rateShare: Double?
        /// Entries of the queues of commands that wait for a call or a retry.
        package var waiting: Int
    }

    package var hasProducer: Bool
    package var producerFailure: String?
    /// The transaction that should have ended by now.
    package var overdue: Overdue?
    /// Why the broker refuses dead letters; nil while it takes them.
    package var deadLettersDenied: String?
    package var isSubscribed: Bool
    package var consumerFailure: String?
    package var isLeaseValid: Bool
    package var leaseLoss: Membership.LeaseLoss?
    package var isDraining: Bool
    package var isIntakeClosed: Bool
    package var commandsInMemory: Int
    package var unconcluded: Int
    /// Call slots taken.
    package var inFlight: Int
    package var upstream: Upstream
    /// Since the oldest command in memory was received; nil when there is none.
    package var oldestAge: Duration?
    /// For how long it has had work and got nowhere with it, once that is longer than it can be; a fault of its own.
    package var stalledFor: Duration?
    /// Ascending by number.
    package var partitions: [Partition]
}
