import DequeModule
import OTPContract

// One output that cannot be written costs the partition that needs it, and no other.
extension Engine {
    mutating func park(_ partition: Partition, reason: String, at now: Instant) {
        guard partition.parking == nil else { return }
        partition.parking = .init(until: now + partition.parkingBackOff.failed(), reason: reason)
        pause(partition, for: .parked)
        report(.parked(partition.place.partition, reason: reason))
    }

    mutating func unpark(at now: Instant) {
        for partition in owned(where: { $0.parking.map { now >= $0.until } ?? false }) {
            partition.parking = nil
            unpause(partition, for: .parked)
            report(.unparked(partition.place.partition))
            settlesAgain(partition, at: now)
        }
    }

    /// What the cluster's metadata says of the outputs: a partition that cannot be written keeps out of every batch before a
    /// transaction hangs on it, and is back as soon as it can.
    mutating func outputsLooked(_ unwritable: [Int32: String], at now: Instant) {
        self.unwritable = unwritable
        for partition in owned(where: { _ in true }) { looked(partition, at: now) }
        if case .committing(let open) = settlement.state, !open.isCancelled,
            open.shares.keys.contains(where: { unwritable[$0.partition] != nil })
        {
            settlement.cancelled()
            effects.append(.cancelCommit(open.id))
        }
    }

    mutating func looked(_ partition: Partition, at now: Instant) {
        let reason = unwritable[partition.place.partition]
        guard reason != partition.unwritable else { return }
        let wasWritable = partition.isWritable
        let isNews = (reason == nil) != (partition.unwritable == nil)
        partition.unwritable = reason
        guard isNews else { return }
        if let reason {
            report(.parked(partition.place.partition, reason: reason))
            pause(partition, for: .unwritable)
            freeIntentSlots(of: partition, at: now)
        } else {
            report(.unparked(partition.place.partition))
            unpause(partition, for: .unwritable)
            if !wasWritable, partition.isWritable { settlesAgain(partition, at: now) }
        }
    }

    private mutating func settlesAgain(_ partition: Partition, at now: Instant) {
        guard partition.isWritable else { return }
        // Nothing else may ever conclude to remind anybody of the outcomes that waited.
        if !partition.concluded.isEmpty, oldestConclusion == nil { oldestConclusion = now }
        // Commands that came to the front meanwhile were passed over.
        for command in partition.inOrder(where: { $0.state == .ready }) { ready.push(command, at: now) }
    }

    /// Intents that wait for a ledger without a leader ask nobody: they must not keep others from asking.
    private mutating func freeIntentSlots(of partition: Partition, at now: Instant) {
        for command in partition.inOrder(where: \.isWritingIntent) where freedIntents.insert(command.record.id).inserted
        {
            slots -= 1
            protection.released(command.record.id, at: now)
        }
    }

    /// The intent of this record came to an end, well or badly: its slot is free, if it was not given back before.
    mutating func intentEnded(_ id: RecordID, at now: Instant) {
        if freedIntents.remove(id) == nil { slots -= 1 }
        guard let partition = partition(id.place) else { return }
        partition.intentsUnderWay -= 1
        // One of those that were held back for their partition's share.
        while let next = partition.heldBack.popFirst() {
            guard next.state == .ready else { continue }
            ready.push(next, at: now)
            return
        }
    }

    /// Whether another intent of this partition may take a slot: one whose ledger answers slowly must not hold all of them.
    func mayWriteIntent(_ partition: Partition) -> Bool {
        partitions.count == 1
            || partition.intentsUnderWay < Limits.intentSlots(of: protection.concurrency.limit)
    }

    /// Until one of the partition's intents has ended; its deadline goes on counting.
    mutating func holdBack(_ command: Command, _ partition: Partition) {
        partition.heldBack.append(command)
    }
}
