package import OTPContract

/// One step of the card-storage flow as it is played: what is sent, and what must come of it.
package struct DemoStep: Equatable, Sendable {
    /// What is published as the command's value.
    package enum Value: Equatable, Sendable {
        case code(Code)
        /// Something that is no command.
        case text(String)
    }

    /// What the user types.
    package enum Code: Equatable, Sendable {
        case right, wrong, otherWrong
    }

    package enum Session: String, CaseIterable, Sendable {
        case card, garbled, late, throttled
    }

    package var session: Session
    package var title: String
    package var value: Value
    /// The deadline that the command carries has passed.
    package var isExpired = false
    package var expected: Expectation

    /// What a result must say, as far as the flow decides it.
    package struct Expectation: Equatable, Sendable, CustomStringConvertible {
        package var reason: Reason
        package var calls: Int
        package var replayed = false

        package init(_ reason: Reason, calls: Int, replayed: Bool = false) {
            self.reason = reason
            self.calls = calls
            self.replayed = replayed
        }

        package init(_ event: ResultEvent) {
            self.init(event.reason, calls: event.calls, replayed: event.replayed)
        }

        package var description: String {
            "\(reason.status.rawValue)/\(reason.rawValue)\(replayed ? " replayed" : "")"
        }
    }

    package static let all: [DemoStep] = [
        DemoStep(
            session: .card,
            title: "the user mistypes the code",
            value: .code(.wrong),
            expected: Expectation(.wrongCode, calls: 1)
        ),
        DemoStep(
            session: .card,
            title: "types it right",
            value: .code(.right),
            expected: Expectation(.ok, calls: 1)
        ),
        DemoStep(
            session: .card,
            title: "the same command comes again",
            value: .code(.right),
            expected: Expectation(.ok, calls: 0, replayed: true)
        ),
        DemoStep(
            session: .card,
            title: "a wrong code after success",
            value: .code(.otherWrong),
            expected: Expectation(.sessionUsed, calls: 0)
        ),
        DemoStep(
            session: .garbled,
            title: "a command that is not JSON",
            value: .text("{\"otp_session_id\":"),
            expected: Expectation(.invalid(.malformed), calls: 0)
        ),
        DemoStep(
            session: .late,
            title: "a command past its deadline",
            value: .code(.right),
            isExpired: true,
            expected: Expectation(.deadlinePassed, calls: 0)
        ),
        DemoStep(
            session: .throttled,
            title: "the upstream answers 429 twice",
            value: .code(.right),
            expected: Expectation(.ok, calls: 3)
        ),
    ]
}
