package import OTPContract
import OTPEngine

/// The audit as a value: facts go in, in the order of their topics, and findings come out.
///
/// It reads no topic and no clock. Commands are told only up to the newest answered one (``needsCommands(of:)``), so that a backlog
/// is never held; a session is held until it has been idle for `ledger.retention`, then judged and dropped. So memory depends on
/// the rate and the retention, not on the length of the history. Beside a fleet that goes on it judges round by round, see
/// ``Following``.
package struct Audit {
    /// The part of a command partition that is audited.
    package struct Stretch: Equatable, Sendable {
        /// The first offset that is audited, and the first behind.
        package var offsets: Range<Int64>
        /// Commands behind it exist and are not audited.
        package var isCut: Bool

        /// All that is there, unless it is cut.
        package init(_ offsets: Range<Int64>, isCut: Bool = false) {
            self.offsets = offsets
            self.isCut = isCut
        }
    }

    /// Commands of one session beyond which it is judged in pieces.
    static let piece = 10_000

    var rules: AuditRules
    /// What was seen and found so far; whole after ``end()``.
    package internal(set) var report = AuditReport()
    var windows: [Int32: PartitionWindow]
    var letters: [Int32: DeadLetterBook] = [:]
    var sessions: [SessionID: SessionFacts] = [:]
    /// Sessions with the time at which to look whether they are idle, in about that order.
    var queue = SessionQueue()
    /// What it does besides beside a fleet that goes on; nil when it judges a history that has ended.
    var following: Following?
    private var clock = WallTime(milliseconds: 0)

    /// Audits a history that has ended, in these partitions of the commands.
    package init(_ rules: AuditRules, _ stretches: [Int32: Stretch]) {
        self.rules = rules
        windows = stretches.mapValues { PartitionWindow($0.offsets, isCut: $0.isCut) }
    }

    /// Sessions that are held until they are judged.
    package var liveSessions: Int { sessions.count }
    /// Commands that wait for their result.
    package var openCommands: Int { windows.values.reduce(0) { $0 + $1.openCount } }

    // MARK: Facts

    /// The next command of its partition, told when a result needs it.
    package mutating func command(_ fact: CommandFact) {
        guard windows[fact.partition] != nil else { return }
        count(fact)
        windows[fact.partition]?.command(fact)
        guard case .usable(let id, let question, let expiresAt) = fact.content else { return }
        let time = fact.time.milliseconds > 0 ? fact.time : clock
        touch(id, at: max(time, clock))
        sessions[id]?.touch(time)
        let exchange = SessionFacts.Exchange(
            offset: fact.offset,
            time: fact.time,
            question: question,
            expiresAt: expiresAt,
            canBeRight: fact.canBeRight
        )
        sessions[id]?.lanes[fact.partition, default: .init()].exchanges.append(exchange)
        following?.held += 1
    }

    /// A result; every command up to the one that it answers was told before.
    package mutating func result(_ fact: ResultFact) {
        let source = fact.event.source
        guard source.topic == rules.commandTopic, windows[source.partition] != nil else {
            report.counts.foreign += 1
            return
        }
        advance(to: fact.time)
        let arrival = windows[source.partition]?.answered(source.offset) ?? .outside
        switch arrival {
        case .outside:
            report.counts.outside += 1
            return
        case .orphan: find(.orphan, fact, "a result for what is no command")
        case .double: find(.double, fact, "a second result, or one more than 65,536 offsets late")
        case .belated: count(fact)
        case .answer(let command):
            count(fact)
            answer(fact, of: command)
        }
        sweep(source.partition)
    }

    /// A dead letter; before or after the result that it belongs to.
    package mutating func letter(_ fact: DeadLetterFact) {
        guard fact.source.topic == rules.commandTopic, windows[fact.source.partition] != nil else { return }
        advance(to: fact.time)
        report.counts.letters += 1
        letters[fact.source.partition, default: DeadLetterBook()].letter(fact)
    }

    /// A record of the ledger, its barriers left out.
    package mutating func ledger(_ fact: LedgerFact) {
        advance(to: fact.time)
        report.counts.ledger += 1
        touch(fact.record.session, at: fact.time)
        sessions[fact.record.session]?.note(fact)
    }

    /// A call of the upstream's journal, in the journal's order.
    package mutating func call(_ fact: CallFact) {
        advance(to: fact.time)
        report.counts.calls += 1
        guard let id = fact.session else {
            let reason = "call \(fact.sequence) of the journal: its body cannot be read"
            add(Finding(.callWithoutCommand, at: nil, of: nil, time: fact.time, reason))
            return
        }
        touch(id, at: fact.time)
        sessions[id]?.calls.append(fact)
    }

    /// A record of one of the worker's topics that says nothing; `what` says why, without anything from the record.
    package mutating func unreadable(_ coordinates: Coordinates, at time: WallTime, _ what: String) {
        add(Finding(.unreadable, at: coordinates, of: nil, time: time, what))
    }

    // MARK: The end

    /// No more results come; the commands that are left are told one by one, then ``end()``.
    package mutating func resultsEnded() {
        for partition in windows.keys.sorted() {
            guard let (gone, open) = windows[partition]?.end() else { continue }
            for command in gone { passedOver(command) }
            for command in open {
                letters[partition]?.forget(command.offset)
                unanswered(command)
            }
            letters[partition]?.forget(from: (windows[partition]?.newest ?? -1) + 1)
        }
    }

    /// A command behind the newest answered one.
    package mutating func leftOver(_ fact: CommandFact) {
        guard windows[fact.partition] != nil else { return }
        count(fact)
        unanswered(fact)
        // Its session is of interest only if something else is known of it, such as a call: a backlog is not to be held.
        guard case .usable(let id, let question, let expiresAt) = fact.content, sessions[id] != nil else { return }
        let exchange = SessionFacts.Exchange(
            offset: fact.offset,
            time: fact.time,
            question: question,
            expiresAt: expiresAt,
            canBeRight: fact.canBeRight
        )
        sessions[id]?.lanes[fact.partition, default: .init()].exchanges.append(exchange)
    }

    /// Judges all that is left; ``report`` is whole then.
    package mutating func end() {
        for (id, _) in sessions.sorted(by: { $0.value.firstTime < $1.value.firstTime }) { judge(id) }
        for partition in letters.keys.sorted() { judgeLetters(partition, before: .max) }
        report.finish(hasJournal: rules.hasJournal)
    }

    // MARK: Answers

    private mutating func answer(_ fact: ResultFact, of command: CommandFact) {
        let event = fact.event
        if let fault = Self.misfit(event, command, fact) { find(.shape, fact, fault) }
        let time = command.time.milliseconds > 0 ? command.time : event.receivedAt
        if event.status == .invalid {
            letters[command.partition, default: DeadLetterBook()].invalid(
                command.offset,
                event.reason,
                of: command.session,
                at: time
            )
        }
        switch command.content {
        case .unusable(let reason, _):
            if event.reason != .invalid(reason) {
                find(.usability, fact, "unusable (\(reason.rawValue)), but answered \(event.reason.rawValue)")
            }
        case .usable(let id, _, _):
            if event.status == .invalid { find(.usability, fact, "usable, but answered \(event.reason.rawValue)") }
            touch(id, at: fact.time)
            guard let index = sessions[id]?.lanes[command.partition]?.index(of: command.offset) else { return }
            // An `invalid` for a usable command has been found already, and is no part of the session's history.
            if event.status != .invalid {
                sessions[id]?.lanes[command.partition]?.exchanges[index].answer = .init(fact)
            } else {
                sessions[id]?.lanes[command.partition]?.exchanges.remove(at: index)
                following?.held -= 1
            }
        }
    }

    private static func misfit(_ event: ResultEvent, _ command: CommandFact, _ fact: ResultFact) -> String? {
        if event.status != event.reason.status {
            return "status \(event.status.rawValue) with the reason \(event.reason.rawValue)"
        }
        if event.commandID != command.commandID { return "command_id is not the command's" }
        if event.sessionID != command.session { return "otp_session_id is not the command's" }
        if event.maskedPhone != command.maskedPhone { return "user_gsm is not the command's, masked" }
        return nil
    }

    private mutating func passedOver(_ command: CommandFact) {
        report.counts.unanswered += 1
        find(.missing, command, "no result, though commands 16,384 offsets later are answered")
        drop(command)
    }

    private mutating func unanswered(_ command: CommandFact) {
        if Self.isOverdue(command, rules) {
            overdue(command)
        } else {
            report.counts.inTime += 1
        }
    }

    /// How long ago its result was due, in milliseconds.
    private static func lateness(_ command: CommandFact, _ rules: AuditRules) -> Int64 {
        var expiresAt: WallTime?
        if case .usable(_, _, let end) = command.content { expiresAt = end }
        let deadline = SessionAuditor.deadline(command.time, expiresAt, readAt: nil, rules)
        // One that came too late is due when it comes.
        return rules.now.milliseconds - max(deadline, command.time).milliseconds
    }

    /// What ends a transaction that a crash left open, or moves a partition, takes its time-outs.
    static func isOverdue(_ command: CommandFact, _ rules: AuditRules) -> Bool { lateness(command, rules) > 30_000 }

    mutating func overdue(_ command: CommandFact) {
        report.counts.unanswered += 1
        find(.unanswered, command, "no result \(Self.lateness(command, rules) / 1000) s after it was due")
    }

    /// A command that never gets an answer must not keep its session.
    private mutating func drop(_ command: CommandFact) {
        guard let id = command.session, let lane = sessions[id]?.lanes[command.partition],
            let index = lane.index(of: command.offset)
        else { return }
        sessions[id]?.lanes[command.partition]?.exchanges.remove(at: index)
        sessions[id]?.isTruncated = true
        following?.held -= 1
    }

    private mutating func find(_ check: AuditCheck, _ result: ResultFact, _ reason: String) {
        let event = result.event
        add(Finding(check, at: event.source, of: event.sessionID, time: event.receivedAt, reason))
    }

    private mutating func find(_ check: AuditCheck, _ command: CommandFact, _ reason: String) {
        let coordinates = Coordinates(topic: rules.commandTopic, partition: command.partition, offset: command.offset)
        add(Finding(check, at: coordinates, of: command.session, time: command.time, reason))
    }

    mutating func add(_ finding: Finding) {
        if rules.isReported(finding.time) { report.add(finding) }
    }

    private mutating func count(_ command: CommandFact) {
        if rules.isReported(command.time) { report.counts.commands += 1 }
    }

    private mutating func count(_ result: ResultFact) {
        guard rules.isReported(result.event.receivedAt) else { return }
        report.count(result.event)
    }
}

// Time passes: what is idle is judged and forgotten.
extension Audit {
    mutating func advance(to time: WallTime) {
        clock = max(clock, time)
        while let id = queue.popFirst(dueAt: clock) { retire(id) }
    }

    private mutating func touch(_ id: SessionID, at time: WallTime) {
        if sessions[id] == nil {
            makeRoom()
            sessions[id] = SessionFacts(id, at: time)
            following?.held += 1
            lookAgain(at: id, after: time)
        } else {
            sessions[id]?.touch(time)
        }
        if (sessions[id]?.size ?? 0) >= Self.piece, sessions[id]?.hasOpenCommand == false {
            judge(id)
            sessions[id] = SessionFacts(id, at: time)
            sessions[id]?.isTruncated = true
            following?.held += 1
            lookAgain(at: id, after: time)
        }
        noteNews(of: id)
    }

    private mutating func lookAgain(at id: SessionID, after time: WallTime) {
        queue.append(id, dueAt: WallTime(milliseconds: time.milliseconds + rules.idle))
    }

    private mutating func retire(_ id: SessionID) {
        guard let facts = sessions[id] else { return }
        let isIdle = facts.lastTime.milliseconds + rules.idle <= clock.milliseconds
        // The command of such a call may not have been told yet.
        let isOld = facts.lastTime.milliseconds + 4 * rules.idle <= clock.milliseconds
        let isUnexplained = !isOld && !facts.calls.isEmpty && !facts.unexplainedCalls.isEmpty
        if isIdle, !facts.hasOpenCommand, !isUnexplained {
            judge(id)
        } else {
            lookAgain(at: id, after: isIdle ? clock : facts.lastTime)
        }
    }

    /// For the last time: it is forgotten.
    mutating func judge(_ id: SessionID) {
        guard let facts = sessions.removeValue(forKey: id) else { return }
        following?.held -= facts.size + 1
        report.counts.sessions += 1
        if facts.lanes.values.count(where: { !$0.exchanges.isEmpty }) > 1 { report.counts.spread += 1 }
        let verified = facts.lanes.values.flatMap { $0.exchanges.filter { $0.answer?.isVerified == true } }
        if verified.count > 1 { report.counts.verifiedAgain += 1 }
        for finding in SessionAuditor.findings(about: facts, rules) where !facts.told.contains(.init(finding)) {
            add(finding)
        }
    }

    mutating func sweep(_ partition: Int32) {
        guard let gone = windows[partition]?.passedOver(at: clock) else { return }
        for command in gone { passedOver(command) }
        judgeLetters(partition, before: (windows[partition]?.newest ?? 0) - PartitionWindow.memory)
    }

    private mutating func judgeLetters(_ partition: Int32, before offset: Int64) {
        let topicPartition = (topic: rules.commandTopic, partition: partition)
        guard let findings = letters[partition]?.judge(before: offset, in: topicPartition) else { return }
        for finding in findings { add(finding) }
    }
}
