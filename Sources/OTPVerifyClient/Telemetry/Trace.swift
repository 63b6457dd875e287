import Instrumentation
import OTPContract
import OTPKafka
import Tracing

/// The span of a request, and its context in the headers of the command: the worker goes on with it, in its call to Paynet and in the result.
///
/// Nothing of a user's is an attribute.
enum Trace {
    static func request<Result>(
        _ command: Command,
        topic: String,
        named name: String,
        _ body: (any Span, [Header]) async throws -> Result
    ) async throws -> Result {
        try await withSpan(name, ofKind: .client) { span in
            span.attributes["messaging.system"] = "kafka"
            span.attributes["messaging.destination.name"] = topic
            if let id = command.id { span.attributes["messaging.message.conversation_id"] = id }
            var headers: [Header] = []
            InstrumentationSystem.instrument.inject(span.context, into: &headers, using: HeaderInjector())
            return try await body(span, headers)
        }
    }

    static func note(_ answer: Answer, attempts: Int, on span: any Span) {
        span.attributes["otp.status"] = answer.event.status.rawValue
        span.attributes["otp.reason"] = answer.event.reason.rawValue
        span.attributes["otp.in_doubt"] = answer.event.inDoubt
        span.attributes["otp.replayed"] = answer.event.replayed
        span.attributes["otp.attempts"] = attempts
    }

    private struct HeaderInjector: Injector {
        func inject(_ value: String, forKey key: String, into carrier: inout [Header]) {
            // Names of Kafka's headers are told apart by case, and workers look for the small letters of W3C.
            carrier.append(Header(name: key.lowercased(), text: value))
        }
    }
}
