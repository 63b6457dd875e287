package import OTPAudit
package import OTPContract
package import OTPEngine

/// A history made by hand: commands and what came of them, told to the audit as the topics would tell it.
///
/// One partition unless said otherwise, a second between one thing and the next.
package struct AuditHistory {
    package enum Item {
        case result(ResultFact)
        case letter(DeadLetterFact)
        case ledger(LedgerFact)
        case call(CallFact)

        package var time: WallTime {
            switch self {
            case .result(let fact): fact.time
            case .letter(let fact): fact.time
            case .ledger(let fact): fact.time
            case .call(let fact): fact.time
            }
        }
    }

    package static let start: Int64 = 1_800_000_000_000
    package static let topic = "commands"
    package var rules = AuditRules(commandTopic: topic, now: WallTime(milliseconds: start))
    package var now = WallTime(milliseconds: start)
    package var commands: [CommandFact] = []
    package var items: [Item] = []
    private var positions: [Int32: Int64] = [:]
    /// Where the next results lie.
    package var resultTopic = "results"
    private var ledgerOffset: Int64 = 0
    private var calls = 0
    /// What the ledger's state of a session holds.
    package var states: [String: [CodeState]] = [:]

    package init(journal: Bool = false) { rules.hasJournal = journal }

    package mutating func pass(_ duration: Duration = .seconds(1)) {
        now = WallTime(milliseconds: now.milliseconds + duration.milliseconds)
    }

    package static func session(_ name: String) -> SessionID {
        guard let session = SessionID(name) else { preconditionFailure("not a session id: \(name)") }
        return session
    }

    // MARK: Commands

    @discardableResult
    package mutating func command(
        _ session: String,
        code: UInt64,
        partition: Int32 = 0,
        offset: Int64? = nil,
        expiresAt: WallTime? = nil,
        canBeRight: Bool = true
    ) -> CommandFact {
        let content = CommandFact.Content.usable(Self.session(session), code, expiresAt: expiresAt)
        return add(content, partition, offset, phone: "532*****42", canBeRight: canBeRight)
    }

    @discardableResult
    package mutating func unusable(_ reason: InvalidReason, partition: Int32 = 0) -> CommandFact {
        add(.unusable(reason, nil), partition, nil, phone: nil)
    }

    private mutating func add(
        _ content: CommandFact.Content,
        _ partition: Int32,
        _ offset: Int64?,
        phone: String?,
        canBeRight: Bool = true
    ) -> CommandFact {
        let next = (commands.last { $0.partition == partition }?.offset ?? -1) + 1
        let coordinates = Coordinates(topic: Self.topic, partition: partition, offset: offset ?? next)
        let fact = CommandFact(
            partition: partition,
            offset: coordinates.offset,
            time: now,
            commandID: "\(coordinates)",
            maskedPhone: phone,
            content: content,
            canBeRight: canBeRight
        )
        commands.append(fact)
        pass()
        return fact
    }

    // MARK: Answers

    /// A result alone.
    package mutating func result(
        _ command: CommandFact,
        _ reason: Reason,
        calls: Int = 0,
        at completed: WallTime? = nil,
        _ change: (inout ResultEvent) -> Void = { _ in }
    ) {
        var session: SessionID?
        if case .usable(let id, _, _) = command.content { session = id }
        let isRetryable = [.upstreamUnavailable, .upstreamHalted, .outcomeUnknown, .sessionBusy].contains(reason)
        var event = ResultEvent(
            commandID: command.commandID,
            sessionID: session,
            status: reason.status,
            reason: reason,
            retryable: isRetryable,
            inDoubt: reason == .outcomeUnknown,
            calls: calls,
            maskedPhone: command.maskedPhone,
            receivedAt: command.time,
            completedAt: completed ?? now,
            source: Coordinates(topic: Self.topic, partition: command.partition, offset: command.offset),
            worker: "w"
        )
        change(&event)
        let position = positions[command.partition, default: 0]
        positions[command.partition] = position + 2
        let coordinates = Coordinates(topic: resultTopic, partition: command.partition, offset: position)
        items.append(.result(ResultFact(event, at: coordinates, time: now)))
        pass()
    }

    /// A result with the ledger's state that is written with it.
    package mutating func conclude(
        _ command: CommandFact,
        _ reason: Reason,
        calls: Int = 1,
        _ change: (inout ResultEvent) -> Void = { _ in }
    ) {
        result(command, reason, calls: calls, change)
        guard case .result(let fact) = items.last, case .usable(let id, let question, _) = command.content else {
            return
        }
        let event = fact.event
        var states = states[id.text] ?? []
        let outcome = Outcome(
            reason,
            retryable: event.retryable,
            code: event.code,
            message: event.message,
            httpStatus: event.httpStatus
        )
        let fingerprint = Fingerprint(keyID: 1, high: question, low: 0)
        states.removeAll { $0.fingerprint == fingerprint }
        states.append(
            CodeState(fingerprint: fingerprint, outcome: outcome, source: command.offset, time: event.completedAt)
        )
        self.states[id.text] = states
        state(of: id.text, states, partition: command.partition)
    }

    package mutating func state(of session: String, _ codes: [CodeState], isClosed: Bool? = nil, partition: Int32 = 0) {
        let isVerified = codes.contains { $0.outcome?.isVerified ?? false }
        ledger(session, .state(codes, isClosed: isClosed ?? isVerified), partition: partition)
    }

    package mutating func ledger(_ session: String, _ content: LedgerRecord.Content, partition: Int32 = 0) {
        let record = LedgerRecord(session: Self.session(session), content: content)
        items.append(.ledger(LedgerFact(partition: partition, offset: ledgerOffset, time: now, record: record)))
        ledgerOffset += 1
    }

    package mutating func letter(_ command: CommandFact, _ reason: InvalidReason) {
        let source = Coordinates(topic: Self.topic, partition: command.partition, offset: command.offset)
        items.append(.letter(DeadLetterFact(source: source, reason: reason.rawValue, time: now)))
    }

    package mutating func call(
        _ command: CommandFact,
        code: Int?,
        status: Int? = 200,
        _ change: (inout CallFact) -> Void = { _ in }
    ) {
        guard case .usable(let session, let question, _) = command.content else { return }
        calls += 1
        var call = CallFact(
            sequence: calls,
            time: now,
            session: session,
            question: question,
            right: code == 0,
            processed: status == 200,
            status: status,
            code: code
        )
        change(&call)
        items.append(.call(call))
        pass()
    }

    // MARK: The audit

    /// What an audit finds that begins when everything has happened, and long after if `later` says so.
    package func report(after later: Duration = .zero, live: ((Audit) -> Void)? = nil) -> AuditReport {
        var rules = rules
        rules.now = WallTime(milliseconds: now.milliseconds + later.milliseconds)
        var rest = Dictionary(grouping: commands, by: \.partition).mapValues { $0[...] }
        let stretches = rest.mapValues { Audit.Stretch(0..<($0.last?.offset ?? -1) + 1) }
        var audit = Audit(rules, stretches)
        for item in items {
            switch item {
            case .result(let fact):
                let source = fact.event.source
                while let next = rest[source.partition]?.first, next.offset <= source.offset {
                    rest[source.partition]?.removeFirst()
                    audit.command(next)
                }
                audit.result(fact)
            case .letter(let fact): audit.letter(fact)
            case .ledger(let fact): audit.ledger(fact)
            case .call(let fact): audit.call(fact)
            }
            live?(audit)
        }
        audit.resultsEnded()
        for command in rest.sorted(by: { $0.key < $1.key }).flatMap(\.value) { audit.leftOver(command) }
        audit.end()
        return audit.report
    }

    /// What an audit tells, and when, that goes on beside the fleet until so long after everything has happened.
    package func followed(
        for later: Duration = .seconds(120),
        limit: Int = 1_000,
        _ look: (Audit) -> Void = { _ in }
    ) -> [(at: WallTime, finding: Finding)] {
        var rest = Dictionary(grouping: commands, by: \.partition).mapValues { $0[...] }
        var audit = Audit(following: rules, from: rest.mapValues { _ in 0 }, limit: limit)
        var (items, told) = (items[...], [(at: WallTime, finding: Finding)]())
        let end = WallTime(milliseconds: now.milliseconds + later.milliseconds)
        var round = WallTime(milliseconds: Self.start)
        func tell(_ partition: Int32, before limit: Int64) {
            while let next = rest[partition]?.first, next.offset < limit, next.time <= round {
                rest[partition]?.removeFirst()
                audit.command(next)
            }
        }
        while round < end {
            round = min(WallTime(milliseconds: round.milliseconds + 5_000), end)
            audit.roundBegan(at: round)
            while let item = items.first, item.time <= round {
                items.removeFirst()
                switch item {
                case .result(let fact):
                    tell(fact.event.source.partition, before: fact.event.source.offset + 1)
                    audit.result(fact)
                case .letter(let fact): audit.letter(fact)
                case .ledger(let fact): audit.ledger(fact)
                case .call(let fact): audit.call(fact)
                }
                look(audit)
            }
            for partition in rest.keys { tell(partition, before: audit.commandLimit(of: partition)) }
            told += audit.roundEnded().map { (round, $0) }
            look(audit)
        }
        return told
    }

    /// The checks that fail, each once.
    package func found(after later: Duration = .zero) -> [AuditCheck] {
        let report = report(after: later)
        return AuditCheck.allCases.filter { report.offences[$0] != nil }
    }
}
