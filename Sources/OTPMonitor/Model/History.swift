package import OTPContract

/// What happened in each minute of the last 24 hours, filed by the time at which a result was made.
///
/// Of each minute ``Counter`` numbers of 4 bytes, the most lag, and a histogram of 2 KiB that its first result makes: 3.2 MB with
/// every minute filled. It knows no clock.
package struct History: Sendable {
    /// Minutes that are kept.
    package static let minutes = 1_440

    /// What is counted.
    package enum Counter: Int, CaseIterable, Sendable {
        case verified, rejected, expired, invalid, failed
        case inDoubt, replayed, calls, deadLetters
        case wrongCode, unknownSession, sessionUsed, tooManyCodes
        case upstreamUnavailable, upstreamHalted, refusedByUpstream, unexpectedAnswer, outcomeUnknown, sessionBusy
        /// Results whose last answer of the upstream had this HTTP status.
        case throttled, serverErrors

        init(_ status: Status) {
            self =
                switch status {
                case .verified: .verified
                case .rejected: .rejected
                case .expired: .expired
                case .invalid: .invalid
                case .failed: .failed
                }
        }

        /// Nil for those that their status says enough about.
        init?(_ reason: Reason) {
            switch reason {
            case .wrongCode: self = .wrongCode
            case .unknownSession: self = .unknownSession
            case .sessionUsed: self = .sessionUsed
            case .tooManyCodes: self = .tooManyCodes
            case .upstreamUnavailable: self = .upstreamUnavailable
            case .upstreamHalted: self = .upstreamHalted
            case .refusedByUpstream: self = .refusedByUpstream
            case .unexpectedAnswer: self = .unexpectedAnswer
            case .outcomeUnknown: self = .outcomeUnknown
            case .sessionBusy: self = .sessionBusy
            case .ok, .alreadyVerified, .deadlinePassed, .invalid, .other: return nil
            }
        }
    }

    /// One or more minutes together.
    package struct Span: Sendable {
        /// Of its first minute.
        package var start: WallTime
        /// That have passed of it.
        package var seconds: Int
        package var latency = LatencyHistogram()
        /// The most of any minute; nil while it was not known.
        package var lag: Int64?
        fileprivate var counts = [Int](repeating: 0, count: Counter.allCases.count)

        package subscript(counter: Counter) -> Int { counts[counter.rawValue] }

        /// All results.
        package var results: Int { Status.allCases.reduce(0) { $0 + self[Counter($1)] } }

        package func share(of counter: Counter) -> Double {
            results == 0 ? 0 : Double(self[counter]) / Double(results)
        }
    }

    private static let width = Counter.allCases.count

    /// The minute that a slot holds, counted from 1970.
    private var filed = [Int64](repeating: .min, count: minutes)
    private var counts = [UInt32](repeating: 0, count: minutes * width)
    private var lags = [Int64](repeating: -1, count: minutes)
    private var latencies = [LatencyHistogram?](repeating: nil, count: minutes)

    package init() {}

    /// A result made later than now, by a clock that is ahead, is filed under now.
    package mutating func result(_ event: ResultEvent, at now: WallTime) {
        guard let slot = slot(of: event.completedAt, at: now) else { return }
        count(.init(event.status), in: slot)
        if let counter = Counter(event.reason) { count(counter, in: slot) }
        if event.inDoubt { count(.inDoubt, in: slot) }
        if event.replayed { count(.replayed, in: slot) }
        count(.calls, in: slot, by: UInt32(clamping: event.calls))
        switch event.httpStatus {
        case .some(429): count(.throttled, in: slot)
        case .some(500...599): count(.serverErrors, in: slot)
        default: break
        }
        let time = event.completedAt.milliseconds - event.receivedAt.milliseconds
        if latencies[slot] == nil { latencies[slot] = LatencyHistogram() }
        latencies[slot]?.record(milliseconds: time)
    }

    package mutating func deadLetter(written time: WallTime, at now: WallTime) {
        if let slot = slot(of: time, at: now) { count(.deadLetters, in: slot) }
    }

    package mutating func lag(_ lag: Int64, at now: WallTime) {
        if let slot = slot(of: now, at: now) { lags[slot] = max(lags[slot], lag) }
    }

    /// The last minutes up to and including the running one, as spans of `step` minutes, oldest first.
    package func spans(last minutes: Int, step: Int = 1, at now: WallTime) -> [Span] {
        let newest = Self.minute(of: now)
        // Spans begin at whole multiples, so that they do not change from one minute to the next.
        let end = (newest / Int64(step) + 1) * Int64(step)
        let first = end - Int64(min(minutes, Self.minutes) / step * step)
        return stride(from: first, to: end, by: step).map { start in
            span(start..<min(start + Int64(step), newest + 1), at: now)
        }
    }

    /// The last minutes together, the running one included.
    package func total(last minutes: Int, at now: WallTime) -> Span {
        let newest = Self.minute(of: now)
        return span(newest - Int64(min(minutes, Self.minutes)) + 1..<newest + 1, at: now)
    }

    private func span(_ minutes: Range<Int64>, at now: WallTime) -> Span {
        let start = WallTime(milliseconds: minutes.lowerBound * 60_000)
        let passed = min(Int64(minutes.count) * 60, (now.milliseconds - start.milliseconds) / 1_000)
        var span = Span(start: start, seconds: max(1, Int(passed)))
        for minute in minutes { add(minute, to: &span) }
        return span
    }

    private func add(_ minute: Int64, to span: inout Span) {
        let slot = Self.slot(minute)
        guard filed[slot] == minute else { return }
        for column in 0..<Self.width { span.counts[column] += Int(counts[slot * Self.width + column]) }
        if let latency = latencies[slot] { span.latency.add(latency) }
        if lags[slot] >= 0 { span.lag = max(span.lag ?? 0, lags[slot]) }
    }

    private mutating func count(_ counter: Counter, in slot: Int, by number: UInt32 = 1) {
        counts[slot * Self.width + counter.rawValue] &+= number
    }

    /// The slot of a moment, emptied if it held an older minute; nil where that is forgotten by now.
    private mutating func slot(of time: WallTime, at now: WallTime) -> Int? {
        let newest = Self.minute(of: now)
        let minute = min(Self.minute(of: time), newest)
        let slot = Self.slot(minute)
        guard minute > newest - Int64(Self.minutes), minute >= filed[slot] else { return nil }
        if filed[slot] != minute {
            filed[slot] = minute
            counts.replaceSubrange(
                slot * Self.width..<(slot + 1) * Self.width,
                with: repeatElement(0, count: Self.width)
            )
            lags[slot] = -1
            latencies[slot] = nil
        }
        return slot
    }

    private static func minute(of time: WallTime) -> Int64 { max(0, time.milliseconds) / 60_000 }

    private static func slot(_ minute: Int64) -> Int {
        Int(((minute % Int64(minutes)) + Int64(minutes)) % Int64(minutes))
    }
}
