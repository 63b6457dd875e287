/// One partition of the command topic for as long as it is owned without interruption.
///
/// A new assignment is a new epoch; a new group generation alone is not.
package struct PartitionEpoch: Hashable, Sendable {
    package var partition: Int32
    package var epoch: UInt32

    package init(partition: Int32, epoch: UInt32) {
        self.partition = partition
        self.epoch = epoch
    }
}

/// One command record, within the epoch in which it was received.
package struct RecordID: Hashable, Sendable {
    package var epoch: PartitionEpoch
    package var offset: Int64

    package init(epoch: PartitionEpoch, offset: Int64) {
        self.epoch = epoch
        self.offset = offset
    }
}

/// A session's identity in memory: 128 bits of a digest of its id, so that a million sessions stay small.
package struct SessionDigest: Hashable, Sendable {
    package var high: UInt64
    package var low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// The digest is uniform already; half of it is hash enough.
    package func hash(into hasher: inout Hasher) { hasher.combine(low) }
}

/// A phone number as a keyed digest, so that guesses at several of its sessions can be counted and nobody can read it back.
package struct PhoneDigest: Hashable, Sendable {
    package var value: UInt64

    package init(value: UInt64) { self.value = value }
}

/// One question: a phone number and a code, as a keyed digest from which neither can be read back.
///
/// Digests under different keys never compare equal, so that nothing is misread after a change of key.
package struct Fingerprint: Hashable, Sendable {
    /// Which key made it.
    package var keyID: UInt32
    package var high: UInt64
    package var low: UInt64

    package init(keyID: UInt32, high: UInt64, low: UInt64) {
        self.keyID = keyID
        self.high = high
        self.low = low
    }

    /// Stands in a session for what a ledger record said that could not be read: nothing has this digest.
    static let unreadable = Fingerprint(keyID: 0, high: 0, low: 0)
}

/// One transaction's identity, found again in the committed offset's metadata: 64 random bits drawn when the process
/// started and a counter, so that no restart repeats one.
package struct BatchID: Hashable, Sendable {
    package var process: UInt64
    package var counter: UInt64

    package init(process: UInt64, counter: UInt64) {
        self.process = process
        self.counter = counter
    }
}
