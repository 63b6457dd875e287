import DequeModule
import HeapModule
import OTPContract

/// Decides what becomes of each request, from its asking to its answer or to the end of what is remembered of it.
///
/// A value without clock, thread or client: one call for each event, with the time, and actions come back. A result is a request's own by where
/// the command lies, which only the broker chooses; a `command_id` alone can be copied by anyone who may write commands.
///
/// Every bound is in ``Limits``.
struct RequestBook {
    typealias Instant = ContinuousClock.Instant

    let limits: Limits
    private(set) var entries: [RequestTag: Entry] = [:]
    private var byID: [String: RequestTag] = [:]
    private var bySource: [Coordinates: RequestTag] = [:]
    /// Attempts whose report has not come.
    private var open: [Attempt: RequestTag] = [:]
    /// Open attempts of requests that have no id.
    private var nameless = 0
    private var early: EarlyAnswers
    private var waiting = Deque<RequestTag>()
    private var waitingCount = 0
    private var abandoned = Deque<RequestTag>()
    private var abandonedCount = 0
    private var dues = Heap<Due>()
    private var nextAttempt: UInt64 = 0
    private(set) var inFlight = 0
    private(set) var inFlightBytes = 0
    private(set) var phase = Phase.deaf

    /// How far the client is.
    enum Phase: Equatable {
        /// Answers are not read yet: a command that left now could be answered unheard.
        case deaf
        case listening
        case draining
        case ended
    }

    init(_ limits: Limits) {
        self.limits = limits
        early = EarlyAnswers(maximumCount: limits.earlyAnswers, maximumBytes: limits.earlyBytes)
    }

    /// When ``timeReached(at:)`` has something to do next.
    var nextDue: Instant? {
        mutating get {
            while let first = dues.min, entries[first.tag]?.due != first.at { dues.removeMin() }
            return dues.min?.at
        }
    }

    var waitingRequests: Int { waitingCount }
    var rememberedRequests: Int { abandonedCount }

    // MARK: Asking

    /// A request with an id that is already under way is refused; one with the id of a request that was given up takes its place, with the answers
    /// that may come to its attempts.
    mutating func asked(_ tag: RequestTag, _ request: Request, at now: Instant) -> [Action] {
        switch phase {
        case .draining, .ended: return [.fail(tag, .shutDown(isSent: false))]
        case .deaf, .listening: break
        }
        let holder = request.commandID.flatMap { byID[$0] }
        if let holder, entries[holder]?.state != .abandoned { return [.fail(tag, .duplicate)] }
        // What nobody waits for need not be heard.
        let isTurn = phase == .listening ? waitingCount == 0 : !request.wantsAnswer
        let canGo = isTurn && hasRoom(for: request)
        guard canGo || (waitingCount < limits.waiting && (phase == .listening || request.wantsAnswer)) else {
            return [.fail(tag, .overloaded)]
        }
        var entry = Entry(request: request, due: request.deadline)
        if let holder, let former = remove(holder, keepingEarly: true) {
            entry.inherit(former)
            for source in entry.sources { bySource[source] = tag }
            for attempt in entry.open { open[attempt] = tag }
        }
        if let id = request.commandID { byID[id] = tag }
        entries[tag] = entry
        if canGo { return dispatch(tag, at: now) }
        waiting.append(tag)
        waitingCount += 1
        if waiting.count > 2 * limits.waiting + 64 {
            waiting = Deque(waiting.filter { entries[$0]?.state == .waiting })
        }
        schedule(tag, at: request.deadline)
        return []
    }

    /// Answers are read from now on.
    mutating func listening(at now: Instant) -> [Action] {
        guard phase == .deaf else { return [] }
        phase = .listening
        return admit(at: now)
    }

    /// The caller waits no longer.
    mutating func gaveUp(_ tag: RequestTag, at now: Instant) -> [Action] {
        guard let entry = entries[tag] else { return [] }
        switch entry.state {
        case .waiting: return [.fail(tag, .cancelled)] + drop(tag)
        case .inFlight: return [.fail(tag, .cancelled)] + abandon(tag, at: now)
        case .abandoned: return []
        }
    }

    private func hasRoom(for request: Request) -> Bool {
        // One alone always fits, whatever its size.
        inFlight < limits.inFlight && (inFlight == 0 || inFlightBytes + request.bytes <= limits.inFlightBytes)
    }

    private mutating func admit(at now: Instant) -> [Action] {
        var actions: [Action] = []
        while phase == .listening || phase == .draining, let tag = waiting.first {
            guard let entry = entries[tag], case .waiting = entry.state else {
                waiting.removeFirst()
                continue
            }
            guard hasRoom(for: entry.request) else { break }
            waiting.removeFirst()
            waitingCount -= 1
            actions += dispatch(tag, at: now)
        }
        return actions
    }

    // MARK: Sending

    private mutating func dispatch(_ tag: RequestTag, at now: Instant) -> [Action] {
        guard let entry = entries[tag] else { return [] }
        inFlight += 1
        inFlightBytes += entry.request.bytes
        entries[tag]?.state = .inFlight(sendsAgainAt: nil)
        return send(tag, at: now)
    }

    private mutating func send(_ tag: RequestTag, at now: Instant) -> [Action] {
        guard var entry = entries[tag] else { return [] }
        let attempt = Attempt(number: nextAttempt)
        nextAttempt += 1
        open[attempt] = tag
        if entry.request.commandID == nil { nameless += 1 }
        entry.open.insert(attempt)
        entry.attempts += 1
        entry.state = .inFlight(sendsAgainAt: nil)
        entries[tag] = entry
        schedule(tag, at: entry.request.deadline)
        return [.send(tag, attempt)]
    }

    /// The record is written; `coordinates` is nil where the broker did not say where.
    mutating func acknowledged(_ attempt: Attempt, at coordinates: Coordinates?, at now: Instant) -> [Action] {
        guard let tag = close(attempt), var entry = entries[tag] else { return [] }
        let isFirst = !entry.isWritten
        entry.isWritten = true
        if let coordinates {
            entry.sources.append(coordinates)
            bySource[coordinates] = tag
        } else {
            entry.hasUnknownCoordinates = true
        }
        entries[tag] = entry
        var actions: [Action] = []
        if isFirst, case .inFlight = entry.state { actions.append(.written(tag, coordinates)) }
        guard entry.request.wantsAnswer else { return actions + complete(tag, at: now) }
        let answer = coordinates.flatMap { early.remove($0) }
        if open.isEmpty { early.removeAll() }
        if let answer { return actions + answered(tag, answer, at: now) }
        sendAgain(tag, after: limits.resendAfter, at: now)
        return actions
    }

    /// The record was given up by the producer.
    mutating func refused(_ attempt: Attempt, _ refusal: Refusal, at now: Instant) -> [Action] {
        guard let tag = close(attempt), var entry = entries[tag] else { return [] }
        if open.isEmpty { early.removeAll() }
        entry.refusals += 1
        if refusal.mayBeWritten { entry.mayBeWritten = true }
        entries[tag] = entry
        guard case .inFlight = entry.state else { return [] }
        if !refusal.isPassing, !entry.isSent {
            return [.fail(tag, .refused(refusal.error))] + drop(tag) + admit(at: now)
        }
        if entry.isWritten {
            sendAgain(tag, after: limits.resendAfter, at: now)
        } else if entry.open.isEmpty {
            scheduleSending(tag, at: now + limits.firstPause * (1 << min(entry.refusals - 1, 5)))
        }
        return []
    }

    private mutating func close(_ attempt: Attempt) -> RequestTag? {
        guard let tag = open.removeValue(forKey: attempt) else { return nil }
        if entries[tag]?.request.commandID == nil { nameless -= 1 }
        entries[tag]?.open.remove(attempt)
        return tag
    }

    private mutating func sendAgain(_ tag: RequestTag, after pause: Duration?, at now: Instant) {
        guard let pause, let entry = entries[tag], case .inFlight = entry.state,
            entry.attempts - entry.refusals < limits.attempts
        else { return }
        scheduleSending(tag, at: now + pause)
    }

    private mutating func scheduleSending(_ tag: RequestTag, at instant: Instant) {
        guard let entry = entries[tag] else { return }
        entries[tag]?.state = .inFlight(sendsAgainAt: instant)
        schedule(tag, at: min(instant, entry.request.deadline))
    }

    // MARK: Hearing

    /// A result was read, of whomever.
    mutating func heard(_ answer: Answer, at now: Instant) -> [Action] {
        let event = answer.event
        if let tag = bySource[event.source] { return answered(tag, answer, at: now) }
        if let tag = byID[event.commandID], let entry = entries[tag] {
            if entry.hasUnknownCoordinates { return answered(tag, answer, at: now) }
            if !entry.open.isEmpty { early.keep(answer) }
        } else if nameless > 0 || (!open.isEmpty && event.commandID == event.source.description) {
            early.keep(answer)
        }
        return []
    }

    private mutating func answered(_ tag: RequestTag, _ answer: Answer, at now: Instant) -> [Action] {
        guard let entry = entries[tag] else { return [] }
        switch entry.state {
        case .waiting, .inFlight: return [.answer(tag, answer, attempts: entry.attempts)] + complete(tag, at: now)
        case .abandoned:
            _ = remove(tag)
            return [.late(answer.event)]
        }
    }

    // MARK: Time

    mutating func timeReached(at now: Instant) -> [Action] {
        var actions: [Action] = []
        while let due = nextDue, due <= now, let tag = dues.popMin()?.tag, let entry = entries[tag] {
            switch entry.state {
            case .waiting:
                actions += [.fail(tag, phase == .deaf ? .notListening : .timedOut(isSent: entry.isSent))] + drop(tag)
            case .inFlight where entry.request.deadline <= now:
                actions += [.fail(tag, .timedOut(isSent: entry.isSent))] + abandon(tag, at: now)
            case .inFlight:
                actions += [.sendingAgain(tag)] + send(tag, at: now)
            case .abandoned:
                _ = remove(tag)
            }
        }
        return actions + admit(at: now)
    }

    private mutating func schedule(_ tag: RequestTag, at instant: Instant) {
        entries[tag]?.due = instant
        dues.insert(Due(at: instant, tag: tag))
        // What was answered meanwhile leaves its due behind.
        guard dues.count > 2 * entries.count + 64 else { return }
        dues = Heap(entries.map { Due(at: $0.value.due, tag: $0.key) })
    }

    // MARK: Ending

    /// Takes nothing new; ends when what is in flight has been answered or has reached its deadline.
    mutating func drainRequested(at now: Instant) -> [Action] {
        guard phase == .deaf || phase == .listening else { return [] }
        phase = .draining
        var actions: [Action] = []
        for tag in waiting {
            guard let entry = entries[tag], case .waiting = entry.state else { continue }
            actions.append(.fail(tag, .shutDown(isSent: entry.isSent)))
            _ = remove(tag)
        }
        waiting.removeAll()
        return actions + endIfDrained()
    }

    /// Ends now.
    mutating func stopped() -> [Action] {
        guard phase != .ended else { return [] }
        var actions: [Action] = []
        for (tag, entry) in entries.sorted(by: { $0.key.number < $1.key.number }) {
            switch entry.state {
            case .waiting, .inFlight: actions.append(.fail(tag, .shutDown(isSent: entry.isSent)))
            case .abandoned: break
            }
        }
        self = RequestBook(limits)
        phase = .ended
        return actions + [.ended]
    }

    private mutating func endIfDrained() -> [Action] {
        guard phase == .draining, inFlight == 0 else { return [] }
        return stopped()
    }

    // MARK: Leaving

    /// Its caller has what it asked for.
    private mutating func complete(_ tag: RequestTag, at now: Instant) -> [Action] {
        drop(tag) + admit(at: now) + endIfDrained()
    }

    private mutating func drop(_ tag: RequestTag) -> [Action] {
        _ = remove(tag)
        return endIfDrained()
    }

    /// Its caller is gone; an answer that comes within the window is told as late.
    private mutating func abandon(_ tag: RequestTag, at now: Instant) -> [Action] {
        guard let entry = entries[tag], entry.isSent, entry.request.wantsAnswer else {
            return drop(tag) + admit(at: now)
        }
        inFlight -= 1
        inFlightBytes -= entry.request.bytes
        entries[tag]?.state = .abandoned
        schedule(tag, at: now + limits.lateWindow)
        abandoned.append(tag)
        abandonedCount += 1
        while abandonedCount > limits.remembered || abandoned.count > 2 * limits.remembered + 64 {
            guard let oldest = abandoned.popFirst() else { break }
            if case .abandoned = entries[oldest]?.state { _ = remove(oldest) }
        }
        return admit(at: now) + endIfDrained()
    }

    private mutating func remove(_ tag: RequestTag, keepingEarly: Bool = false) -> Entry? {
        guard let entry = entries.removeValue(forKey: tag) else { return nil }
        switch entry.state {
        case .waiting: waitingCount -= 1
        case .inFlight:
            inFlight -= 1
            inFlightBytes -= entry.request.bytes
        case .abandoned: abandonedCount -= 1
        }
        if let id = entry.request.commandID { byID[id] = nil }
        for source in entry.sources { bySource[source] = nil }
        for attempt in entry.open where open.removeValue(forKey: attempt) != nil && entry.request.commandID == nil {
            nameless -= 1
        }
        if open.isEmpty, !keepingEarly { early.removeAll() }
        return entry
    }
}
