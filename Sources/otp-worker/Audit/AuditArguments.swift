package import OTPContract
import OTPWorker

/// What people write to say when and which partitions.
package enum AuditArguments {
    /// A moment, or how long it is ago.
    package static func time(_ text: String, now: WallTime) -> WallTime? {
        if let time = WallTime(iso8601: text) { return time }
        guard let ago = DurationText.parse(text) else { return nil }
        return WallTime(milliseconds: now.milliseconds - Int64(ago / .milliseconds(1)))
    }

    /// `0,4-7`, in ascending order.
    package static func partitions(_ text: String) -> [Int32]? {
        var numbers: Set<Int32> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let bounds = part.split(separator: "-", omittingEmptySubsequences: false).map { Int32($0) }
            guard let low = bounds.first ?? nil, let high = bounds.last ?? nil, bounds.count <= 2, low >= 0,
                low <= high,
                high < 100_000
            else { return nil }
            numbers.formUnion(low...high)
        }
        return numbers.sorted()
    }
}
