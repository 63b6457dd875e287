import OTPContract

// One output that cannot be written costs the partition that needs it, and no other.
extension Engine {
    mutating func park(_ partition: Partition, reason: String, at now: Instant) {
        guard partition.outputs.refused(reason: reason, at: now) else { return }
        pause(partition, for: .parked)
        report(.parked(partition.epoch.partition, reason: reason))
    }

    mutating func unpark(at now: Instant) {
        for partition in partitions.inOrder(where: { $0.outputs.parking.map { now >= $0.until } ?? false }) {
            partition.outputs.unparked()
            unpause(partition, for: .parked)
            report(.unparked(partition.epoch.partition))
            commitsAgain(partition, at: now)
        }
    }

    /// What the cluster's metadata says of the outputs: a partition that cannot be written keeps out of every batch before a
    /// transaction hangs on it, and is back as soon as it can.
    mutating func outputsLooked(_ unwritable: [Int32: String], at now: Instant) {
        partitions.looked(unwritable)
        for partition in partitions.inOrder(where: { _ in true }) { looked(partition, at: now) }
        if let id = committing.blocked(unwritable) { effects.append(.cancelCommit(id)) }
    }

    mutating func looked(_ partition: Partition, at now: Instant) {
        let reason = partitions.unwritable[partition.epoch.partition]
        let wasWritable = partition.isWritable
        guard partition.outputs.looked(reason) else { return }
        if let reason {
            report(.parked(partition.epoch.partition, reason: reason))
            pause(partition, for: .unwritable)
            freeIntentSlots(of: partition, at: now)
        } else {
            report(.unparked(partition.epoch.partition))
            unpause(partition, for: .unwritable)
            if !wasWritable, partition.isWritable { commitsAgain(partition, at: now) }
        }
    }

    private mutating func commitsAgain(_ partition: Partition, at now: Instant) {
        guard partition.isWritable else { return }
        // Nothing else may ever conclude to remind anybody of the outcomes that waited.
        if !partition.uncommitted.concluded.isEmpty { committing.outcomeWaits() }
        // Commands that came to the front meanwhile were passed over.
        for command in partition.inOrder(where: { $0.state == .ready }) { dispatch.queued(command, at: now) }
    }

    /// Intents that wait for a ledger without a leader ask nobody: they must not keep others from asking.
    private mutating func freeIntentSlots(of partition: Partition, at now: Instant) {
        for command in partition.inOrder(where: \.isWritingIntent) where dispatch.intentStuck(command.record.id) {
            protection.released(command.record.id, at: now)
        }
    }
}
