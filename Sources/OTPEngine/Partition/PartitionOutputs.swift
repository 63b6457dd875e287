/// Whether a partition's results and ledger can be written.
struct PartitionOutputs {
    /// An output was refused for good, as far as the broker says: until when it is not tried.
    private(set) var parking: Parking?
    /// Why they cannot be written, as the cluster's metadata says.
    private(set) var unwritable: String?
    private var backOff = BackOff(first: Limits.firstParking, longest: Limits.longestParking)

    var isWritable: Bool { parking == nil && unwritable == nil }

    /// - Returns: whether this is news.
    mutating func refused(reason: String, at now: Instant) -> Bool {
        guard parking == nil else { return false }
        parking = Parking(until: now + backOff.failed(), reason: reason)
        return true
    }

    /// They are tried again.
    mutating func unparked() { parking = nil }

    /// A transaction with them committed.
    mutating func written() { backOff.succeeded() }

    /// What the cluster's metadata says of them: nil for nothing bad.
    /// - Returns: whether that is news.
    mutating func looked(_ reason: String?) -> Bool {
        let isNews = (reason == nil) != (unwritable == nil)
        unwritable = reason
        return isNews
    }
}

/// Something that is not tried before then, and why.
struct Parking {
    var until: Instant
    var reason: String
}
