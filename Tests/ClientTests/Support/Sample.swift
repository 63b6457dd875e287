import OTPContract
import OTPKafka

@testable import OTPVerifyClient

/// Results and failures that tests speak of.
enum Sample {
    static let phone = "5324818942"
    static let commands = "otp.verify.commands"

    static func coordinates(_ offset: Int64) -> Coordinates {
        Coordinates(topic: commands, partition: 0, offset: offset)
    }

    static func event(
        _ id: String,
        at coordinates: Coordinates,
        session: String? = nil,
        reason: Reason = .ok,
        message: String? = nil
    ) -> ResultEvent {
        ResultEvent(
            commandID: id,
            sessionID: session.flatMap { SessionID($0) },
            status: reason.status,
            reason: reason,
            message: message,
            receivedAt: WallTime(milliseconds: 1_795_514_400_000),
            completedAt: WallTime(milliseconds: 1_795_514_400_180),
            source: coordinates,
            worker: "w"
        )
    }

    static func answer(_ id: String, at offset: Int64) -> Answer {
        let event = event(id, at: coordinates(offset))
        return Answer(event: event, value: event.encode())
    }
}

extension Refusal {
    /// Given up after its time.
    static let late = Refusal(reported: KafkaError("produce", .messageTimedOut))
    /// Dropped before it left.
    static let dropped = Refusal(reported: KafkaError("produce", .purgedInQueue))
    static let denied = Refusal(reported: KafkaError("produce", .topicAuthorizationFailed))
    static let full = Refusal(atOnce: KafkaError("produce", .queueFull))
}

/// A name that no other test uses.
func unique(_ name: String) -> String { "\(name)-\(UInt64.random(in: 0 ... .max))" }

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
