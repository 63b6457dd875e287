import OTPContract
import OTPEngine
import OTPObservability

extension MetricRegistry {
    /// Makes every series whose labels are known present at 0, before anything happens.
    ///
    /// A counter that begins with its first event hides that event from `rate` and `increase`, and a dashboard cannot tell "none" from
    /// "no such metric". What is told by partition is there once a partition is.
    func exposeFromTheStart() {
        for reason in Reason.coded + InvalidReason.ofResults.map(Reason.invalid) {
            _ = counter(.commands, reason.status.rawValue, reason.rawValue)
        }
        let classes: [AnswerClass] = [
            .accepted, .alreadySucceeded, .rejected(.wrongCode), .refused(.refusedByUpstream), .halt, .retryable,
            .ambiguous,
        ]
        expose(.upstreamCalls, classes.map(\.name))
        expose(.guesses, Guessed.allCases.map(\.rawValue))
        expose(.replies, [ReplyRoutes.Kind.routed, .notAllowed, .unavailable].map(\.rawValue))
        expose(.commandKeys, ["murmur2", "crc32", "neither"])
        expose(.deadLetters, ["committed", "dropped"])
        expose(.transactions, ["committed", "aborted", "unknown"])
        expose(.transactionAborts, AbortCause.allCases.map(\.rawValue))
        expose(.leaseLosses, Membership.LeaseLoss.allCases.map(\.rawValue))
        expose(.ledgerRestores, ["restored", "failed"])
        // Of the many codes, those of a cluster or a way to it that is away.
        expose(.kafkaErrors, ["_ALL_BROKERS_DOWN", "_RESOLVE", "_TIMED_OUT", "_TRANSPORT"])
        for client in Telemetry.Client.allCases.map(\.rawValue) {
            _ = counter(.kafkaRequestTimeouts, client)
            for metric in [Metric.kafkaConnectedBrokers, .kafkaRoundTrip, .kafkaThrottle, .kafkaWaitingRequests] {
                _ = gauge(metric, client)
            }
            _ = gauge(.kafkaQueuedRecords, client)
        }
        for state in EngineStatus.Upstream.State.allCases { _ = gauge(.upstreamState, state.rawValue) }
        for topic in ["commands", "results"] { _ = gauge(.topicPartitions, topic) }
    }

    private func expose(_ metric: Metric, _ labels: [String]) {
        for label in labels { _ = counter(metric, label) }
    }
}
