package import OTPContract

// Beside a fleet that goes on: what is new is judged round by round, and what is held has a bound.
//
// A round has a moment, `now`. Every result that readers could see then is told, and then all that such results rest on; after that
// the round ends, and what is known is judged as `audit` would judge it. A session with news is judged when the news has rested for a
// while, and again when it is forgotten: after `ledger.retention` without news, or when more is held than fits.
extension Audit {
    struct Following: Sendable {
        /// Sessions and their commands that are held, about 1 KiB each: beyond it the session that began first is judged and forgotten.
        var limit: Int
        var held = 0
        /// Sessions that were forgotten before their time.
        var forgotten = 0
        /// Sessions with news, in the order in which they are judged.
        var fresh = SessionQueue()

        /// How long news rests: a younger state of the ledger is not held against results.
        static let rest: Int64 = 35_000
    }

    /// Audits what lies in these partitions of the commands, from these offsets on, and holds `limit` sessions and commands at most.
    package init(following rules: AuditRules, from starts: [Int32: Int64], limit: Int) {
        self.init(rules, starts.mapValues { Stretch($0..<Int64.max) })
        following = Following(limit: limit)
    }

    /// Sessions and commands that are held now.
    package var held: Int { following?.held ?? 0 }
    /// Sessions that were forgotten before their time, because more was held than fits.
    package var forgotten: Int { following?.forgotten ?? 0 }

    /// A partition was added.
    package mutating func add(_ partition: Int32) {
        if windows[partition] == nil { windows[partition] = PartitionWindow(0..<Int64.max, isCut: false) }
    }

    /// Commands are told up to here whether they are answered or not: no worker takes one beyond it, and a backlog is not held.
    package func commandLimit(of partition: Int32) -> Int64 { windows[partition]?.limit ?? 0 }

    /// What is told from now on was there at `now`, or rests on what was.
    package mutating func roundBegan(at now: WallTime) { rules.now = now }

    /// Everything of this round is told.
    ///
    /// - Returns: what is found: of each check the first ones, as a report has them.
    package mutating func roundEnded() -> [Finding] {
        advance(to: rules.now)
        let rules = rules
        for partition in windows.keys.sorted() {
            sweep(partition)
            let due = windows[partition]?.due { Self.isOverdue($0, rules) }
            for command in due ?? [] { overdue(command) }
            let topicPartition = (topic: rules.commandTopic, partition: partition)
            for finding in letters[partition]?.roundEnded(in: topicPartition) ?? [] { add(finding) }
        }
        while let id = following?.fresh.popFirst(dueAt: rules.now) { judgeSoFar(id) }
        return report.dequeueFindings()
    }

    private mutating func judgeSoFar(_ id: SessionID) {
        guard let facts = sessions[id] else { return }
        sessions[id]?.isFresh = false
        for finding in SessionAuditor.findings(about: facts, rules) {
            let isNew = sessions[id]?.told.insert(.init(finding)).inserted ?? false
            if isNew { add(finding) }
        }
        // It may be judged otherwise when what came last has rested, too.
        if facts.newsAt.milliseconds + Following.rest > rules.now.milliseconds { queue(id, newsAt: facts.newsAt) }
    }

    /// Something was told of a session.
    mutating func noteNews(of id: SessionID) {
        guard following != nil else { return }
        sessions[id]?.newsAt = rules.now
        if sessions[id]?.isFresh == false { queue(id, newsAt: rules.now) }
    }

    private mutating func queue(_ id: SessionID, newsAt: WallTime) {
        sessions[id]?.isFresh = true
        following?.fresh.append(id, dueAt: WallTime(milliseconds: newsAt.milliseconds + Following.rest))
    }

    /// Forgets what began first, until another session fits.
    mutating func makeRoom() {
        while let following, following.held >= following.limit, let id = queue.popFirst() {
            guard let facts = sessions[id] else { continue }
            judge(id)
            self.following?.forgotten += 1
            // What comes of it later is known in part only: as if the history began here.
            rules.historyFrom = max(rules.historyFrom ?? facts.lastTime, facts.lastTime)
            rules.ledgerFrom = max(rules.ledgerFrom ?? facts.lastTime, facts.lastTime)
        }
    }
}
