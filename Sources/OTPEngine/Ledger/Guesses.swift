import OTPContract

/// When wrong codes were typed for a phone, whatever the session: a phone is guessed at through as many sessions as one likes.
///
/// It knows what one partition's ledger knows, and no more: the sessions of a phone that lie in other partitions are counted there.
struct Guesses: Sendable {
    /// Ascending, the newest ``Limits/wrongCodesPerPhone`` of each phone.
    private var times: [PhoneDigest: [Int64]] = [:]

    mutating func wrong(_ phone: PhoneDigest, at time: WallTime) {
        var known = times[phone, default: []]
        // They come almost in order.
        let index = known.lastIndex { $0 <= time.milliseconds }.map { $0 + 1 } ?? 0
        known.insert(time.milliseconds, at: index)
        if known.count > Limits.wrongCodesPerPhone { known.removeFirst() }
        times[phone] = known
    }

    func count(of phone: PhoneDigest, since time: WallTime) -> Int {
        guard let known = times[phone] else { return 0 }
        return known.reversed().prefix { $0 >= time.milliseconds }.count
    }

    mutating func forget(_ phone: PhoneDigest, before time: WallTime) {
        guard let known = times[phone] else { return }
        let rest = known.filter { $0 >= time.milliseconds }
        times[phone] = rest.isEmpty ? nil : rest
    }
}
