/// What an audit beside a fleet may say of itself: it is well only while its rounds end.
package struct FollowHealth: Sendable {
    /// A round that ended longer ago proves nothing: what was broken since is not known.
    package static let bound = Duration.seconds(60)

    private let began: ContinuousClock.Instant
    private var endedAt: ContinuousClock.Instant?
    /// Why the last round failed; nil when it ended.
    package private(set) var failure: String?

    package init(at now: ContinuousClock.Instant) { began = now }

    package mutating func roundEnded(at now: ContinuousClock.Instant) {
        endedAt = now
        failure = nil
    }

    package mutating func roundFailed(_ reason: String) { failure = reason }

    /// Whether the last minute was judged, and why not.
    package func verdict(at now: ContinuousClock.Instant) -> (isOK: Bool, detail: String) {
        let silence = now - (endedAt ?? began)
        let seconds = Int(silence / .seconds(1))
        if endedAt != nil, failure == nil, silence < Self.bound { return (true, "judged \(seconds) s ago") }
        let since = endedAt == nil ? "not judged once, after \(seconds) s" : "not judged for \(seconds) s"
        return (false, failure.map { "\(since): \($0)" } ?? "\(since): the topics are being read")
    }
}
