#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The fake Paynet as a value: a request and the time go in, a decision comes out.
///
/// It holds sessions, faults, the rate and the random numbers. It never reads a clock, opens a socket or waits, so the
/// same seed and calls give the same decisions.
struct SandboxModel: CustomReflectable {
    private enum Operation: String {
        case checkOTP = "/v1/card/check_otp"
        case sendOTP = "/v1/card/send_otp"
    }

    private let configuration: SandboxConfiguration
    private let form: AnswerForm
    private let acceptedAuthorizations: [String]
    private var sessions: [String: OTPSession] = [:]
    private var unanswered: [String: Int] = [:]
    private var script: ScriptProgress
    private var schedule: FaultSchedule
    private var random: SeededGenerator
    private var sequence = 0
    private var rateWindow: (start: Duration, calls: Int) = (.zero, 0)

    init(_ configuration: SandboxConfiguration) {
        self.configuration = configuration
        form = AnswerForm(configuration: configuration)
        acceptedAuthorizations =
            configuration.secretKey.map { key in
                ["Basic \(key.value)", "Basic \(Data("\(key.value):".utf8).base64EncodedString())"]
            } ?? []
        script = ScriptProgress(configuration.script)
        schedule = Self.schedule(script, configuration)
        random = SeededGenerator(seed: configuration.seed)
    }

    var customMirror: Mirror { Mirror(self, children: ["sessions": sessions.count, "calls": sequence]) }

    var sessionCount: Int { sessions.count }

    /// Replaces the configured script; its first phase begins with the next call.
    mutating func setScript(_ script: SandboxScript) {
        self.script = ScriptProgress(script)
        schedule = Self.schedule(self.script, configuration)
    }

    /// The name of the phase that the latest call met; nil before the first and after the last.
    var phase: String? { script.phase?.name }

    private static func schedule(_ script: ScriptProgress, _ configuration: SandboxConfiguration) -> FaultSchedule {
        FaultSchedule(rules: script.phase?.faults ?? [], readsDirectives: configuration.sessionDirectives)
    }

    /// The code that the user of `session` was sent; nil when there is no such session.
    func code(of session: String) -> String? {
        sessions[session]?.code ?? (configuration.implicitSessions ? OneTimeCode.implicit(for: session) : nil)
    }

    /// Notes that a call of `session` has its answer, or will never have one because its connection is gone.
    mutating func finished(_ session: String) {
        guard let count = unanswered[session] else { return }
        unanswered[session] = count > 1 ? count - 1 : nil
    }

    /// Decides what happens to a request that arrived at `now` (since the epoch).
    ///
    /// Anyone who acts on the decision owes a ``finished(_:)`` for a session that its entry names.
    mutating func decide(_ request: SandboxRequest, at now: Duration) -> SandboxDecision {
        sequence += 1
        if script.reached(now) { schedule = Self.schedule(script, configuration) }
        let operation = Operation(rawValue: request.path)
        let (seconds, attoseconds) = now.components
        var entry = JournalEntry(
            sequence: sequence,
            time: Int(seconds * 1000 + attoseconds / 1_000_000_000_000_000),
            connection: request.connection,
            method: request.method,
            path: operation?.rawValue ?? String(request.path.prefix(256)),
            traceparent: request.hasTraceparent
        )
        let body = CallBody.read(request.body)
        if let body { note(body, in: &entry) }
        if let refusal = refusal(of: request, operation, body, at: now) {
            return decision(refusal, entry)
        }
        guard let body, let operation else { return decision(form.error(400), entry) }
        switch operation {
        case .sendOTP:
            let answer = send(body, at: now)
            entry.processed = true
            return decision(answer, entry, delay: latency())
        case .checkOTP:
            return check(body, entry, at: now)
        }
    }

    private mutating func note(_ body: CallBody, in entry: inout JournalEntry) {
        entry.session = body.session
        entry.digest = OneTimeCode.digest(phone: body.phone, code: body.code)
        entry.overlapping = unanswered[body.session] != nil
        unanswered[body.session, default: 0] += 1
        if configuration.journalClear {
            entry.clearPhone = body.phone
            entry.clearCode = body.code
        }
        if let session = sessions[body.session] {
            entry.right = session.isRight(phone: body.phone, code: body.code)
        } else if configuration.implicitSessions {
            entry.right = body.code == OneTimeCode.implicit(for: body.session)
        }
    }

    /// The answer to a request that is refused before any session is looked at, in the order of the checks.
    private mutating func refusal(
        of request: SandboxRequest,
        _ operation: Operation?,
        _ body: CallBody?,
        at now: Duration
    ) -> SandboxAnswer? {
        guard let operation else { return form.error(404) }
        if configuration.secretKey != nil {
            guard let shown = request.authorization, acceptedAuthorizations.contains(shown) else {
                return form.error(401)
            }
        }
        guard request.method == "POST" else {
            var answer = form.error(405, allow: "POST")
            answer.peer = request.peer
            return answer
        }
        if let limit = script.phase?.rateLimit ?? configuration.rateLimit, exceeds(limit, at: now) {
            return form.error(429, retryAfter: 1)
        }
        guard request.contentType?.lowercased().hasPrefix("application/json") ?? false else { return form.error(400) }
        guard let body, body.isUsable(needsCode: operation == .checkOTP) else { return form.error(400) }
        let isNew = sessions[body.session] == nil
        return isNew && sessions.count >= configuration.maximumSessions ? form.error(503, retryAfter: 1) : nil
    }

    private mutating func exceeds(_ limit: Int, at now: Duration) -> Bool {
        if now < rateWindow.start || now - rateWindow.start >= .seconds(1) { rateWindow = (now, 0) }
        rateWindow.calls += 1
        return rateWindow.calls > limit
    }

    private mutating func send(_ body: CallBody, at now: Duration) -> SandboxAnswer {
        if let session = sessions[body.session] {
            if session.phone != body.phone { return form.answer(configuration.otherPhoneAnswer) }
            if session.isVerified { return form.answer(.usedSession) }
            if let expiresAt = session.expiresAt, !session.isExpired(at: now) {
                return form.answer(configuration.sendAgainAnswer, expiresAt: expiresAt)
            }
        }
        let expiresAt = now + configuration.otpLifetime
        sessions[body.session] = OTPSession(
            phone: body.phone,
            code: OneTimeCode.sent(for: body.session, seed: configuration.seed),
            expiresAt: expiresAt
        )
        return form.answer(.successful, expiresAt: expiresAt)
    }

    private mutating func check(_ body: CallBody, _ entry: JournalEntry, at now: Duration) -> SandboxDecision {
        script.called(at: now)
        let fault = schedule.next(for: body.session, using: &random)
        var entry = entry
        entry.fault = fault.name
        var answer: SandboxAnswer?
        if fault.rule?.processes ?? true {
            entry.processed = true
            answer = form.answer(process(body, at: now))
        }
        var decision = decision(answer, entry, delay: latency() + fault.delay)
        if let action = fault.rule?.action { apply(action, to: &decision) }
        return decision
    }

    private mutating func process(_ body: CallBody, at now: Duration) -> ReturnCode {
        if sessions[body.session] == nil && configuration.implicitSessions {
            sessions[body.session] = OTPSession(
                phone: body.phone,
                code: OneTimeCode.implicit(for: body.session),
                expiresAt: nil
            )
        }
        let answer = sessions[body.session]?.check(phone: body.phone, code: body.code, at: now, by: configuration)
        return answer ?? configuration.unknownAnswer
    }

    private func apply(_ action: FaultAction, to decision: inout SandboxDecision) {
        switch action {
        case .status(let status, let code, let type, let retryAfter):
            decision.set(form.error(status, code, type: type, retryAfter: retryAfter))
        case .answer(let code):
            decision.set(form.answer(code))
        case .body(let bytes, let status, let contentType):
            decision.set(SandboxAnswer(status: status, contentType: contentType, body: "", bytes: bytes))
        case .oversizedBody(let bytes):
            let code = decision.answer?.code ?? .serverError
            decision.set(form.answer(code, message: String(repeating: "ş", count: max(0, bytes / 2))))
        case .garbageJSON:
            decision.answer?.body = "{\"code\": 0, \"message\": "
        case .delay: break
        case .cutBeforeReading, .cutAfterProcessing: decision.delivery = .cut
        case .hang: decision.delivery = .never
        case .garbageBytes: decision.delivery = .garbage
        case .halfBody: decision.delivery = .half
        case .closeAfterAnswer: decision.delivery = .wholeThenClose
        case .chunked: decision.delivery = .chunked
        case .informational: decision.delivery = .informational
        case .malformedChunks: decision.delivery = .malformedChunks
        case .slowDrip(let interval): decision.delivery = .drip(interval: interval)
        }
    }

    private func decision(
        _ answer: SandboxAnswer?,
        _ entry: JournalEntry,
        delay: Duration = .zero
    ) -> SandboxDecision {
        var decision = SandboxDecision(delay: delay, entry: entry)
        if let answer { decision.set(answer) }
        return decision
    }

    private mutating func latency() -> Duration {
        let range = script.phase?.latency ?? configuration.latency
        let (shortest, longest) = (range.lowerBound, range.upperBound)
        guard longest > shortest else { return shortest }
        return shortest + (longest - shortest) * Double.random(in: 0...1, using: &random)
    }
}

extension SandboxDecision {
    fileprivate mutating func set(_ answer: SandboxAnswer) {
        self.answer = answer
        entry.status = answer.status
        entry.code = answer.code?.rawValue
    }
}
