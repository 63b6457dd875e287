import OTPContract
import OTPEngine

// The ledger's last state of a session against its results: the two are written in one transaction.
extension SessionAuditor {
    /// A state this young may belong to results that were published after the end was taken.
    private static let tail: Int64 = 30_000

    mutating func ledger(_ lane: SessionFacts.Lane, _ partition: Int32) {
        let word = lane.ledger
        let answered = lane.exchanges.filter { $0.answer != nil }
        guard let newest = answered.last else { return }
        guard let state = word.state else {
            noState(lane, partition)
            return
        }
        let isTail = word.stateTime.milliseconds > rules.now.milliseconds - Self.tail
        for code in state { concluded(code, lane, partition, isTail: isTail) }
        // A state that knows of later commands than were read says nothing about the last result of these.
        let isBeyond = state.contains { $0.source > newest.offset }
        if !isBeyond, !word.isInPart {
            for (exchange, later) in lastConcluding(answered) where remembers(exchange, until: word.stateTime) {
                if !state.contains(where: { $0.source == exchange.offset || later.contains($0.source) }) {
                    find(
                        .ledger,
                        exchange,
                        partition,
                        "its result is the code's outcome, but the ledger's last state does not hold it"
                    )
                }
            }
        }
        closed(word, answered, partition, isTail: isTail || isBeyond)
    }

    private func remembers(_ exchange: SessionFacts.Exchange, until time: WallTime) -> Bool {
        exchange.answer.map { remembers($0.completedAt, at: time) } ?? false
    }

    private mutating func noState(_ lane: SessionFacts.Lane, _ partition: Int32) {
        guard isLedgerSeen, !lane.ledger.hasUnreadable,
            let concluding = lane.exchanges.first(where: { exchange in
                exchange.canBeRight && exchange.answer.map { $0.concludesCode && !$0.replayed } ?? false
            })
        else { return }
        let reason = "its result is the code's outcome, but the ledger holds no state of the session"
        find(.ledger, concluding, partition, reason)
    }

    private var isLedgerSeen: Bool {
        rules.ledgerFrom.map { facts.firstTime.milliseconds > $0.milliseconds + rules.maximumAge.milliseconds } ?? true
    }

    private mutating func concluded(
        _ code: SessionFacts.LedgerWord.CodeOutcome,
        _ lane: SessionFacts.Lane,
        _ partition: Int32,
        isTail: Bool
    ) {
        let said = code.outcome.reason.rawValue
        guard let exchange = lane.exchanges.first(where: { $0.offset == code.source }) else {
            if isWhole, !isTail, code.source <= lane.exchanges.last?.offset ?? -1 {
                findings.append(
                    Finding(
                        .ledger,
                        at: coordinates(partition, code.source),
                        of: facts.id,
                        time: lane.ledger.stateTime,
                        "the ledger's state has an outcome (\(said)) of what is no command of the session"
                    )
                )
            }
            return
        }
        guard let answer = exchange.answer else {
            if !isTail { find(.ledger, exchange, partition, "concluded in the ledger (\(said)), but not answered") }
            return
        }
        if !answer.agrees(with: code.outcome) {
            find(
                .ledger,
                exchange,
                partition,
                "the result says \(answer.reason.rawValue), the ledger \(said) otherwise"
            )
        }
    }

    /// For each question the last command that must have concluded it, with later ones that may have.
    private func lastConcluding(
        _ answered: [SessionFacts.Exchange]
    ) -> [(exchange: SessionFacts.Exchange, later: Set<Int64>)] {
        var last: [Question: (exchange: SessionFacts.Exchange, later: Set<Int64>)] = [:]
        for exchange in answered {
            guard let answer = exchange.answer, !answer.replayed, exchange.canBeRight else { continue }
            if answer.concludesCode {
                last[exchange.question] = (exchange, [])
            } else if answer.reason == .upstreamUnavailable {
                last[exchange.question]?.later.insert(exchange.offset)
            }
        }
        return last.values.sorted { $0.exchange.offset < $1.exchange.offset }
    }

    private mutating func closed(
        _ word: SessionFacts.LedgerWord,
        _ answered: [SessionFacts.Exchange],
        _ partition: Int32,
        isTail: Bool
    ) {
        let verified = answered.first { $0.answer?.isVerified ?? false }
        if let verified, !word.isClosed, !word.isInPart, remembers(verified, until: word.stateTime) {
            find(.ledger, verified, partition, "verified, but the ledger's last state is open")
        } else if verified == nil, word.isClosed, isWhole, !isTail, let last = answered.last {
            find(.ledger, last, partition, "the ledger says verified, and no result of the session does")
        }
    }
}
