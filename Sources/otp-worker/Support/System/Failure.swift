import ArgumentParser
package import OTPKafka
package import OTPWorker

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Why a command ends without having done its work: one sentence, and what to do about it.
package struct Failure: Error, Equatable, CustomStringConvertible {
    package var message: String
    package var remedy: String?
    /// The configuration or the command line is wrong, rather than what they lead to.
    package var isConfiguration: Bool

    package init(_ message: String, remedy: String? = nil, isConfiguration: Bool = false) {
        self.message = message
        self.remedy = remedy
        self.isConfiguration = isConfiguration
    }

    package var description: String { message + (remedy.map { "\n    \($0)" } ?? "") }

    /// Says what a cluster's error means for the one who configured it.
    ///
    /// Who listens at the cluster's address says more, where that was looked at.
    package static func explaining(
        _ error: KafkaError,
        brokers: String,
        finding: AddressProbe.Finding? = nil
    ) -> Failure {
        if let finding { return Failure(finding.what, remedy: finding.remedy) }
        return switch error.code {
        case .transport, .allBrokersDown, .timedOut, .requestTimedOut:
            Failure(
                "no answer from the cluster at \(brokers) (\(error.operation): \(error.reason))",
                remedy:
                    "check kafka.brokers (--brokers) and that the cluster runs and is reachable from here; if it wants"
                    + " TLS or a password, set kafka.properties.security.protocol and its companions"
            )
        case .authentication, .saslAuthenticationFailed, .ssl, .resolve:
            Failure(
                "the cluster at \(brokers) cannot be used (\(error.operation): \(error.reason))",
                remedy: "`otp-worker doctor` tells what to do"
            )
        case .topicAuthorizationFailed:
            Failure("\(error)", remedy: "grant this user access to the topic")
        case .unknownTopicOrPartition, .unknownTopic:
            Failure("\(error)", remedy: "`otp-worker topics` creates what is missing")
        case .invalidArgument:
            Failure("\(error.reason)", remedy: "correct kafka.properties", isConfiguration: true)
        default:
            Failure("\(error)")
        }
    }

    /// Writes the message to standard error, or the help asked for to standard output, and ends the process.
    static func exit(with error: any Error) -> Never {
        let (text, code): (String, Int32) =
            switch error {
            case let problems as ConfigurationProblems: ("\(problems)", 2)
            case let failure as Failure: ("\(failure)", failure.isConfiguration ? 2 : 1)
            case let failure as StartFailure: ("\(failure)", failure.kind == .configuration ? 2 : 1)
            case let error as KafkaError: ("\(error)", 1)
            default: parserText(error)
            }
        if code == 0 {
            if !text.isEmpty { Console.write(text) }
        } else if !text.isEmpty {
            Console.printError(isUsage(error) ? text : "otp-worker: \(text)")
        }
        Console.exit(code)
    }

    private static func parserText(_ error: any Error) -> (String, Int32) {
        let code = Program.exitCode(for: error)
        let text = Program.fullMessage(for: error)
        if code == .success { return (text, 0) }
        return (text, code == .validationFailure ? 2 : code.rawValue)
    }

    private static func isUsage(_ error: any Error) -> Bool {
        Program.exitCode(for: error) == .validationFailure
    }
}
