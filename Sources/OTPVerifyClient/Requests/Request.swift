package import OTPContract
import OTPKafka

/// Names one request within a client.
struct RequestTag: Hashable {
    var number: UInt64
}

/// One writing of a request's command.
struct Attempt: Hashable {
    var number: UInt64
}

/// What the book must know of a request; what it asks is none of its business.
struct Request: Equatable {
    /// Nil: the command is known by where it lies alone.
    var commandID: String?
    /// Bytes of its record.
    var bytes: Int
    var deadline: ContinuousClock.Instant
    /// False: it is done once its record is written.
    var wantsAnswer = true
}

/// Why the producer gave a record up.
struct Refusal: Equatable {
    var error: KafkaError
    /// Whether the record may lie in the topic all the same.
    var mayBeWritten: Bool

    /// It was never taken.
    init(atOnce error: KafkaError) {
        self.error = error
        mayBeWritten = false
    }

    /// It was taken, and its report says this.
    init(reported error: KafkaError) {
        self.error = error
        mayBeWritten = Self.canPass(error) && error.code != .purgedInQueue
    }

    /// Whether trying again can help.
    var isPassing: Bool { Self.canPass(error) }

    private static func canPass(_ error: KafkaError) -> Bool {
        !error.isDestinationUnusable && !error.isDenied && !error.isTooLarge
    }
}

/// A result as a value, and as it was published.
package struct Answer: Equatable, Sendable {
    package var event: ResultEvent
    package var value: [UInt8]

    package init(event: ResultEvent, value: [UInt8]) {
        self.event = event
        self.value = value
    }

    /// Bytes of memory that it takes, about.
    var bytes: Int { 512 + 2 * value.count }
}

extension RequestBook {
    /// How much of everything there may be.
    struct Limits: Equatable {
        /// Requests that are under way.
        var inFlight = 4_096
        /// Bytes of their records.
        var inFlightBytes = 16_777_216
        /// Requests that wait for room, or for the reading of answers to begin.
        var waiting = 4_096
        /// Requests that were given up and whose answer is still told.
        var remembered = 10_000
        /// For so long.
        var lateWindow = Duration.seconds(150)
        /// Records of one request, the first included; not those that the producer gave up.
        var attempts = 3
        /// After an acknowledgement without an answer; nil for never.
        var resendAfter: Duration? = .seconds(8)
        /// Before what the producer gave up is sent again, doubled five times at most.
        var firstPause = Duration.milliseconds(100)
        /// Answers that come before the acknowledgement of their command.
        var earlyAnswers = 10_000
        var earlyBytes = 16_777_216
    }

    struct Entry: Equatable {
        var request: Request
        var state = State.waiting
        /// Records that were handed to the producer.
        var attempts = 0
        var refusals = 0
        var open: Set<Attempt> = []
        /// Where its records lie.
        var sources: [Coordinates] = []
        var isWritten = false
        var mayBeWritten = false
        /// A record is written and nobody knows where.
        var hasUnknownCoordinates = false
        var due: ContinuousClock.Instant

        enum State: Equatable {
            case waiting
            /// The time is nil while nothing but an answer, an acknowledgement or the deadline is waited for.
            case inFlight(sendsAgainAt: ContinuousClock.Instant?)
            case abandoned
        }

        init(request: Request, due: ContinuousClock.Instant) {
            self.request = request
            self.due = due
        }

        /// The command may be in the topic, or come there.
        var isSent: Bool { isWritten || mayBeWritten || !open.isEmpty }

        mutating func inherit(_ former: Entry) {
            open = former.open
            sources = former.sources
            isWritten = former.isWritten
            mayBeWritten = former.mayBeWritten
            hasUnknownCoordinates = former.hasUnknownCoordinates
        }
    }

    enum Action: Equatable {
        /// Hand its record to the producer.
        case send(RequestTag, Attempt)
        /// The following `send` repeats one that was not answered, or was given up by the producer.
        case sendingAgain(RequestTag)
        /// Its first record lies there; nil where the broker did not say.
        case written(RequestTag, Coordinates?)
        case answer(RequestTag, Answer, attempts: Int)
        case fail(RequestTag, Failure)
        /// The answer to a request that was given up.
        case late(ResultEvent)
        /// Nothing is under way any more, and nothing will be.
        case ended
    }

    enum Failure: Equatable {
        case timedOut(isSent: Bool)
        case notListening
        case cancelled
        case overloaded
        case duplicate
        case refused(KafkaError)
        case shutDown(isSent: Bool)
    }

    struct Due: Comparable {
        var at: ContinuousClock.Instant
        var tag: RequestTag

        static func < (left: Due, right: Due) -> Bool { left.at < right.at }
    }
}
