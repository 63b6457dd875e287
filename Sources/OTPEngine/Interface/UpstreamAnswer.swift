/// What one HTTP attempt at `check_otp` came to, as a fact: what the transport saw and what the body said.
///
/// It never says what that means; ``AnswerTable`` does.
package struct UpstreamAnswer: Equatable, Sendable {
    /// How the attempt ended, seen from the socket.
    package enum Transport: Equatable, Sendable {
        /// A complete response head and body arrived.
        case answered(status: Int)
        /// It failed and not one byte of the request had been handed to the socket: asking again is safe.
        case notSent(TransportFailure)
        /// It failed after some byte of the request had been handed to the socket: nobody knows whether it was processed.
        case unknown(TransportFailure)
    }

    /// The parts of a JSON object body that can decide something; each is nil when absent or of an unusable type.
    package struct Body: Equatable, Sendable {
        /// `code` (a number, or a string that holds one).
        ///
        /// In an error object it repeats the HTTP status.
        package var code: Int?
        /// `result_code` of an error object.
        package var resultCode: Int?
        /// `message`, intact.
        package var message: String?
        /// `type` of an error object, such as `no_data_error`.
        package var type: String?

        /// It is the provider's own error object: it has a `result_code`, or a `type` that the provider documents.
        ///
        /// What stands in between answers in JSON too, with a `code` and a `message` even, but not with these.
        package var isErrorObject: Bool {
            resultCode != nil || type.map(Self.errorTypes.contains) == true
        }

        private static let errorTypes: Set = [
            "api_error", "invalid_request_error", "authorization_error", "no_data_error",
        ]

        package init(code: Int? = nil, resultCode: Int? = nil, message: String? = nil, type: String? = nil) {
            self.code = code
            self.resultCode = resultCode
            self.message = message
            self.type = type
        }
    }

    package var transport: Transport
    /// Nil when there was no body or it was not one JSON object.
    package var body: Body?
    /// What is wrong with the body, whether it could be read all the same or not.
    package var bodyFault: BodyFault?
    /// The `Retry-After` header, as a wait from the moment the answer arrived.
    package var retryAfter: Duration?

    /// Nil when no answer came.
    var httpStatus: Int? {
        switch transport {
        case .answered(let status): status
        case .notSent, .unknown: nil
        }
    }

    /// Why none came.
    var failure: TransportFailure? {
        switch transport {
        case .answered: nil
        case .notSent(let reason), .unknown(let reason): reason
        }
    }

    /// Its body is as only the upstream itself writes it: a `code` with a 200, else an error object.
    ///
    /// Anything else may be the page of something that stands before it, and says nothing of the upstream.
    package var isUpstreamsOwn: Bool {
        guard case .answered(let status) = transport, let body else { return false }
        return status == 200 ? body.code != nil : body.isErrorObject
    }

    package init(
        _ transport: Transport,
        body: Body? = nil,
        bodyFault: BodyFault? = nil,
        retryAfter: Duration? = nil
    ) {
        self.transport = transport
        self.body = body
        self.bodyFault = bodyFault
        self.retryAfter = retryAfter
    }
}

/// Why a body says less than it should, for the log; never what it holds.
package enum BodyFault: String, Equatable, Sendable, CaseIterable {
    case empty
    case notJSON = "not JSON"
    case html = "HTML"
    case compressed
    /// Not UTF-8: readable or not, its message is dropped.
    case wrongCharset = "wrong charset"
    /// Readable but for its message, which is dropped.
    case controlCharacters = "control characters"
    /// JSON without a return code.
    case noCode = "no code"
}

/// Why an attempt ended without an answer.
///
/// For logs and metrics; what decides is whether a byte had left.
package enum TransportFailure: String, Equatable, Sendable, CaseIterable {
    case resolve, connect, connectTimeout, tls, closed, attemptTimeout, malformedResponse, responseTooLarge
    /// The worker itself withheld the request, because it may have lost the partition: not an attempt.
    case withheld
    /// The client is shutting down.
    case shutdown
}
