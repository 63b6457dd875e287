package import OTPKafka

/// Why a request has no answer.
///
/// What Paynet or a worker says is no error but a result, `rejected` and `failed` included. It never holds a code or a phone number. A task that is
/// cancelled gets a `CancellationError` instead.
public struct OTPVerifyError: Error, Equatable, Sendable {
    /// The kinds of failure; more may be added, so give a `switch` a `default`.
    public struct Code: Hashable, Sendable {
        private let name: String

        private init(_ name: String) { self.name = name }

        /// The configuration cannot be used.
        public static let configuration = Code("configuration")
        /// An argument breaks the contract's rule, so no command was made of it.
        public static let unusable = Code("unusable")
        /// No answer came by the deadline.
        ///
        /// It will come: ``OTPVerifyClient/late`` tells it, and the same request may be made again.
        public static let timedOut = Code("timedOut")
        /// The deadline came before answers could be read at all, because the cluster could not be reached or `run()` was not called; nothing was
        /// sent.
        public static let notListening = Code("notListening")
        /// More requests than `maximumInFlight` and `maximumWaiting` take together; nothing was sent.
        public static let overloaded = Code("overloaded")
        /// A request with the same `id` is under way; nothing was sent.
        public static let duplicate = Code("duplicate")
        /// The cluster does not take the command: no such topic, no right, too large.
        public static let refused = Code("refused")
        /// The client has ended, or ended before the answer came.
        public static let shutDown = Code("shutDown")
    }

    /// The kind of failure.
    public let code: Code
    /// What happened, for a log: cluster addresses and topics may be in it, nothing of a user's.
    public let reason: String
    /// The `command_id` of the request, where it had one by then: make the request again with it as `id`, and an answer to the first attempt counts.
    public let commandID: String?
    /// Whether the command is in its topic or may come there, so that Paynet may be asked.
    public let isSent: Bool
    /// What the cluster said, where that was the reason.
    package let cause: KafkaError?

    init(
        _ code: Code,
        _ reason: String,
        commandID: String? = nil,
        isSent: Bool = false,
        cause: KafkaError? = nil
    ) {
        self.code = code
        self.reason = reason
        self.commandID = commandID
        self.isSent = isSent
        self.cause = cause
    }
}

extension OTPVerifyError.Code: CustomStringConvertible {
    /// The name as it is written in Swift.
    public var description: String { name }
}

extension OTPVerifyError: CustomStringConvertible {
    /// The code, the reason, and the command it is about.
    public var description: String {
        "\(code): \(reason)" + (commandID.map { " (command \($0)\(isSent ? ", sent" : ", not sent"))" } ?? "")
    }
}

extension RequestBook.Failure {
    /// As the caller gets it; `trouble` is why answers cannot be read now.
    func error(commandID: String?, trouble: KafkaError?) -> any Error {
        switch self {
        case .timedOut(let isSent):
            OTPVerifyError(
                .timedOut,
                isSent ? "no answer came by the deadline" : "the deadline came before it could be sent",
                commandID: commandID,
                isSent: isSent
            )
        case .notListening:
            OTPVerifyError(
                .notListening,
                trouble.map { "answers cannot be read: \($0)" } ?? "answers are not read: is run() running?",
                commandID: commandID,
                cause: trouble
            )
        case .cancelled: CancellationError()
        case .overloaded: OTPVerifyError(.overloaded, "too many requests wait already", commandID: commandID)
        case .duplicate: OTPVerifyError(.duplicate, "a request with this id is under way", commandID: commandID)
        case .refused(let cause): OTPVerifyError(.refused, "\(cause)", commandID: commandID, cause: cause)
        case .shutDown(let isSent):
            OTPVerifyError(.shutDown, "the client has ended", commandID: commandID, isSent: isSent)
        }
    }

    /// The label of its metric and span.
    var name: String {
        switch self {
        case .timedOut: "timed_out"
        case .notListening: "not_listening"
        case .cancelled: "cancelled"
        case .overloaded: "overloaded"
        case .duplicate: "duplicate"
        case .refused: "refused"
        case .shutDown: "shut_down"
        }
    }
}
