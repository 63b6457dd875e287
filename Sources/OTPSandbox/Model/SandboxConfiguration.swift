/// How the fake Paynet behaves: what the documentation fixes is not here, what it leaves open is a setting.
///
/// A plain value; nothing is judged or opened before ``SandboxServer/start(_:)``.
package struct SandboxConfiguration: Sendable {
    /// The address to listen on.
    package var host = "127.0.0.1"
    /// The port to listen on; 0 lets the system choose one.
    package var port = 0
    /// Event loop threads of the server.
    package var threads = 1

    /// Whether to speak HTTPS, with a certificate made at the start.
    package var tls = false
    /// The lowest and highest TLS versions on offer.
    ///
    /// The provider documents 1.1 and 1.2.
    package var tlsVersions: ClosedRange<SandboxTLSVersion> = .v11 ... .v12
    /// The names and IP addresses that the server's certificate is valid for.
    package var certificateNames = ["localhost", "127.0.0.1", "::1"]
    /// Whether the server's certificate has expired already.
    package var certificateExpired = false
    /// Where to write the certificate (PEM) of the authority that signed the server's; nil writes none.
    package var caFile: String?

    /// The secret key that callers must show; nil lets any `Authorization` pass.
    ///
    /// Both forms are accepted: `Basic <key>` and `Basic base64("<key>:")`.
    package var secretKey: SandboxSecret?

    /// The answer to another check of the code that was accepted: 0, 100, 17 or 1.
    package var repeatAnswer: ReturnCode = .oldSuccessful
    /// The answer to a check of another code, once the session is verified: 0, 100, 17 or 1.
    package var otherCodeAnswer: ReturnCode = .usedSession
    /// How many wrong codes a session survives; one more kills it.
    ///
    /// That one is still answered as wrong.
    package var wrongCodesSurvived = 3
    /// The answer of a session that wrong codes have killed: 17 or 13.
    package var deadAnswer: ReturnCode = .usedSession
    /// The answer when the session belongs to another phone: 13 or 6.
    package var otherPhoneAnswer: ReturnCode = .noSession
    /// The answer for a session that was never sent: 13, 12 or 6.
    package var unknownAnswer: ReturnCode = .noSession
    /// The answer for a session whose code is older than ``otpLifetime``.
    package var expiredAnswer: ReturnCode = .noSession
    /// The answer to a `send_otp` before the `otp_expire` of the one before it.
    package var sendAgainAnswer: ReturnCode = .duplicateData
    /// How long a sent code lives; `otp_expire` is this long after the sending.
    package var otpLifetime: Duration = .seconds(180)
    /// Whether every session exists without a `send_otp`; its right code is then ``OneTimeCode/implicit(for:)``.
    ///
    /// Such a session belongs to the first phone that asks, and never expires.
    package var implicitSessions = false

    /// How long an answer takes: drawn evenly from this range by the seeded generator.
    package var latency: ClosedRange<Duration> = .zero ... .zero
    /// `check_otp` and `send_otp` calls per second, above which the answer is 429; nil means no limit.
    package var rateLimit: Int?
    /// Whole seconds after which a connection is closed when it is idle; every answer says so in `Keep-Alive`.
    ///
    /// Nil keeps it, and says nothing.
    package var idleTimeout: Int?

    /// Whether an HTTP error carries an error object; false sends a page of HTML, as a proxy in between would.
    package var errorObjects = true
    /// Whether return codes other than 0 and 100 travel as an HTTP error with an error object rather than in a 200.
    package var refusalsAsErrors = false
    /// Whether `code` (and `result_code`) is a JSON string, as documented, rather than a number, as shown.
    package var codeAsString = false
    /// The value of the extra field `object_name` of a 200; nil leaves the field out.
    package var objectName: String?

    /// What it goes through.
    package var script = SandboxScript()
    /// Whether a session id can carry its own faults; see ``SessionDirectives``.
    package var sessionDirectives = true

    /// Where to append the journal, one JSON object a line; nil writes none.
    ///
    /// The file has no bound.
    package var journalFile: String?
    /// How many of the newest journal entries stay in memory, at about 250 bytes each.
    package var journalCapacity = 1_000_000
    /// Whether the journal shows phone and code in clear.
    ///
    /// It never shows the key.
    package var journalClear = false
    /// How many sessions are kept until a reset, at about 200 bytes each; a new one beyond them is answered 503.
    package var maximumSessions = 4_000_000
    /// The seed of latency, fractions and sent codes: the same seed and calls give the same answers.
    package var seed: UInt64 = 1

    /// Creates the configuration of a sandbox on a free loopback port, in plain text, that accepts any key.
    package init() {}
}

/// A TLS version that the sandbox can be held to.
package enum SandboxTLSVersion: Int, Comparable, Sendable {
    case v11 = 11
    case v12 = 12
    case v13 = 13

    package static func < (left: SandboxTLSVersion, right: SandboxTLSVersion) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// A secret that no description, dump or mirror shows.
package struct SandboxSecret: ExpressibleByStringLiteral, Sendable, Equatable, CustomStringConvertible,
    CustomDebugStringConvertible, CustomReflectable
{
    let value: String

    /// Wraps `value`.
    package init(_ value: String) {
        self.value = value
    }

    package init(stringLiteral value: String) {
        self.value = value
    }

    package var description: String { "<secret>" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}
