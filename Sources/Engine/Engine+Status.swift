import Contract

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
        /// The committed offset.
        package var watermark: Int64
        /// The next offset to be received.
        package var next: Int64
        package var commands: Int
        package var sessions: Int
        package var isPaused: Bool
    }

    package var hasProducer: Bool
    package var producerFailure: String?
    package var isSubscribed: Bool
    package var consumerFailure: String?
    package var isTrusted: Bool
    package var distrust: Membership.Distrust?
    package var isDraining: Bool
    package var isIntakeClosed: Bool
    package var commandsInMemory: Int
    package var unconcluded: Int
    /// Call slots taken.
    package var inFlight: Int
    /// Since the oldest command in memory was received; nil when there is none.
    package var oldestAge: Duration?
    /// For how long it has had work and got nowhere with it, once that is longer than it can be; a fault of its own.
    package var stalledFor: Duration?
    /// Ascending by number.
    package var partitions: [Partition]
}

extension Engine {
    /// The state at `now`; costs a look at every command in memory.
    package func status(at now: Instant) -> EngineStatus {
        let oldest = partitions.values.lazy.flatMap(\.commands.values).map(\.receivedAt).min()
        return EngineStatus(
            hasProducer: settlement.hasProducer,
            producerFailure: producerFailure,
            isSubscribed: isSubscribed,
            consumerFailure: consumerFailure,
            isTrusted: membership.isTrusted,
            distrust: membership.cause,
            isDraining: !drain.isRunning,
            isIntakeClosed: admission.isClosed,
            commandsInMemory: admission.inMemory,
            unconcluded: unconcluded,
            inFlight: slots,
            oldestAge: oldest.map { now - $0 },
            stalledFor: watchdog.stalled(at: now),
            partitions: partitions.values.map { status(of: $0) }.sorted { $0.number < $1.number }
        )
    }

    /// Nothing to do, or something outside stands in the way and is named among the conditions of readiness.
    var isExcused: Bool {
        admission.inMemory == 0 || !settlement.hasProducer || consumerFailure != nil || !membership.isTrusted
            || partitions.values.allSatisfy { $0.parking != nil || $0.commands.isEmpty }
    }

    private func status(of partition: Partition) -> EngineStatus.Partition {
        let phase =
            switch partition.phase {
            case .positioning, .measuring, .reading, .retrying: "restoring"
            case .active: partition.parking == nil && partition.unreadable == nil ? "active" : "parked"
            case .revoking: "revoking"
            }
        return EngineStatus.Partition(
            number: partition.place.partition,
            phase: phase,
            parkedFor: partition.parking?.reason ?? partition.unreadable?.reason,
            watermark: partition.progress.committed,
            next: partition.progress.next,
            commands: partition.commands.count,
            sessions: partition.ledger.count,
            isPaused: !partition.pauses.isEmpty
        )
    }
}
