import CoreMetrics

/// What a client counts, by swift-metrics: each metric has its one place here, and the article tells them to anyone who operates it.
final class ClientMetrics: Sendable {
    /// By `outcome`: the status of an answer, the kind of failure, or `written` where no answer was asked for.
    let requests: [String: Counter]
    /// From the call of `verify` to its answer.
    let answerTime: Timer
    /// Commands written again under the same id.
    let resent = Counter(label: "otp_client_resent")
    /// Answers that came after their caller gave up.
    let late = Counter(label: "otp_client_late")
    /// Late answers that nobody read in time.
    let lateDropped = Counter(label: "otp_client_late_dropped")
    /// Records of the results that are none of a known form.
    let unreadable = Counter(label: "otp_client_unreadable")
    /// Times that reading the results was interrupted.
    let interruptions = Counter(label: "otp_client_interruptions")
    /// Requests under way.
    let inFlight = Gauge(label: "otp_client_in_flight")

    static let outcomes = [
        "verified", "rejected", "expired", "invalid", "failed", "written", "timed_out", "not_listening", "cancelled",
        "overloaded", "duplicate", "refused", "shut_down", "unusable",
    ]

    init() {
        requests = Dictionary(
            uniqueKeysWithValues: Self.outcomes.map {
                ($0, Counter(label: "otp_client_requests", dimensions: [("outcome", $0)]))
            }
        )
        answerTime = Timer(label: "otp_client_answer_time")
    }
}
