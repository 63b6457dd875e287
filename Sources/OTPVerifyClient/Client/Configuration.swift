extension OTPVerifyClient {
    /// What a client is told when it is made; it never changes afterwards.
    ///
    /// Only ``brokers`` has no default. What it prints as holds no property's value, for those may be passwords.
    public struct Configuration: Sendable {
        /// Where the cluster is: `host:port`, several with commas between them.
        public var brokers: String
        /// The name that brokers' logs and quotas know this client by.
        public var clientID = "otp-verify-client"
        /// Properties of librdkafka, such as `security.protocol`, `sasl.username` and `sasl.password`.
        ///
        /// Those that the client itself decides (acknowledgements, isolation, partitioner, batch size, …) are refused when it is made.
        public var properties: [String: String] = [:]

        /// The topic that workers read commands from.
        public var commandTopic = "otp.verify.commands"
        /// The topic that workers write results to.
        public var resultTopic = "otp.verify.results"
        /// Where this client hears its answers.
        public var answers = Answers.resultTopic

        /// How long ``OTPVerifyClient/verify(session:phone:code:id:expiresAt:deadline:)`` waits when it is given no deadline.
        ///
        /// A worker answers within its `check_otp.budget`, 15 s unless it is set otherwise, and a restart's few seconds.
        public var timeout = Duration.seconds(20)
        /// How long after its acknowledgement a command without an answer is written again under the same `command_id`, which is safe
        /// because workers answer a question that they have answered before from memory; nil for never.
        public var resendAfter: Duration? = .seconds(8)
        /// Records that one request may make, the first included, at least 1; what the producer gave up does not count.
        public var maximumAttempts = 3

        /// Requests that may be under way, at least 1; more wait for room, in order.
        public var maximumInFlight = 4_096
        /// Bytes of commands that may be under way; one alone always fits.
        public var maximumInFlightBytes = 16_777_216
        /// Requests that may wait for room, or for the cluster at the start; more fail at once as `overloaded`.
        public var maximumWaiting = 4_096

        /// How long after its caller gave up an answer is still told by ``OTPVerifyClient/late``.
        ///
        /// The default is longer than a worker's `commands.max_age`, after which nothing is asked any more.
        public var lateWindow = Duration.seconds(150)
        /// Requests that were given up and are remembered for that, about 500 bytes each; the oldest go first.
        public var maximumRemembered = 10_000
        /// How long a graceful shutdown waits for the answers that are under way; what is left then fails as `shutDown`.
        public var drainTimeout = Duration.seconds(20)

        /// The defaults, at these brokers: `host:port`, several with commas between them.
        public init(brokers: String) {
            self.brokers = brokers
        }

        /// Where answers are heard.
        ///
        /// Neither way joins a consumer group: a rebalance would lose answers.
        public enum Answers: Hashable, Sendable {
            /// The topic of all results, every partition from its end on.
            ///
            /// Nothing to set up, and instances come and go as they like. The cost: each instance reads the results of all, about
            /// 700 bytes each: at 1,000 results a second 0.7 MB/s and a few percent of a core per instance.
            case resultTopic
            /// One partition of a topic of replies, which nobody else reads: each instance has a partition of its own.
            ///
            /// An instance reads its own answers alone, so this is for high rates and many instances. The cost: the topic must be made, with
            /// a partition for each instance, and named in the workers' `results.allowed_reply_topics`, or answers go to the result
            /// topic and this client never hears them; and somebody gives out the numbers, as a StatefulSet does.
            case replyPartition(topic: String, partition: Int32)
        }
    }
}

extension OTPVerifyClient.Configuration: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The brokers and topics, and the names of the properties.
    public var description: String {
        let names = properties.keys.sorted().joined(separator: ", ")
        return "brokers \(brokers), commands \(commandTopic), answers \(answers), properties [\(names)]"
    }

    /// The same as ``description``.
    public var debugDescription: String { description }

    /// Shows no more than ``description``.
    public var customMirror: Mirror { Mirror(self, children: ["description": description]) }
}

extension OTPVerifyClient.Configuration {
    /// Everything that cannot be, all at once.
    var faults: [String] {
        var faults: [String] = []
        func expect(_ holds: Bool, _ what: String) {
            if !holds { faults.append(what) }
        }
        let isName = { (text: String) in !text.isEmpty && text.utf8.count <= 249 }
        expect(!brokers.isEmpty, "brokers is empty")
        expect(isName(commandTopic), "commandTopic is not 1 to 249 bytes")
        expect(isName(resultTopic), "resultTopic is not 1 to 249 bytes")
        if case .replyPartition(let topic, let partition) = answers {
            expect(isName(topic), "the reply topic is not 1 to 249 bytes")
            expect(partition >= 0, "the reply partition is below 0")
        }
        expect(timeout > .zero, "timeout is not above 0")
        expect((resendAfter ?? .seconds(1)) > .zero, "resendAfter is not above 0")
        expect(maximumAttempts >= 1, "maximumAttempts is below 1")
        expect(maximumInFlight >= 1, "maximumInFlight is below 1")
        expect(maximumInFlightBytes >= 1, "maximumInFlightBytes is below 1")
        expect(maximumWaiting >= 0, "maximumWaiting is below 0")
        expect(lateWindow >= .zero, "lateWindow is below 0")
        expect(maximumRemembered >= 0, "maximumRemembered is below 0")
        expect(drainTimeout >= .zero, "drainTimeout is below 0")
        return faults
    }

    var limits: RequestBook.Limits {
        var limits = RequestBook.Limits()
        limits.inFlight = maximumInFlight
        limits.inFlightBytes = maximumInFlightBytes
        limits.waiting = maximumWaiting
        limits.remembered = maximumRemembered
        limits.lateWindow = lateWindow
        limits.attempts = maximumAttempts
        limits.resendAfter = resendAfter
        return limits
    }
}
