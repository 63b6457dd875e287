import OTPContract

// The upstream's journal against the commands and results of a session.
extension SessionAuditor {
    private struct Asked {
        var exchanges: [SessionFacts.Exchange] = []
        var calls: [CallFact] = []
    }

    mutating func calls() {
        let isElsewhere = rules.isPartial && facts.lanes.values.allSatisfy(\.exchanges.isEmpty)
        if isWhole, !isElsewhere {
            for call in facts.unexplainedCalls {
                find(.callWithoutCommand, call, "no command of the session asks this")
            }
        }
        let isSeen = rules.journalFrom.map { facts.firstTime >= $0 } ?? true
        var questions: [Question: Asked] = [:]
        for lane in facts.lanes.values {
            for exchange in lane.exchanges where exchange.canBeRight {
                questions[exchange.question, default: Asked()].exchanges.append(exchange)
            }
        }
        for call in facts.calls {
            if let question = call.question { questions[question]?.calls.append(call) }
        }
        let isDoubted = facts.lanes.values.contains { lane in
            lane.exchanges.contains { $0.answer?.inDoubt ?? false }
        }
        let verified = Set(questions.filter { $0.value.exchanges.contains { $0.answer?.isVerified ?? false } }.keys)
        // A call that was given up, or whose worker has died, may still be under way at the upstream.
        for call in facts.calls where call.overlapping && !isDoubted && verified.isEmpty {
            find(.callOverlapping, call, "began while another call of the session had no answer yet")
        }
        for asked in questions.values.sorted(by: { $0.exchanges[0].offset < $1.exchanges[0].offset }) {
            guard
                let partition = facts.lanes.first(where: { $0.value.index(of: asked.exchanges[0].offset) != nil })?.key
            else { continue }
            let isVerified = verified.contains(asked.exchanges[0].question)
            // Spread over partitions, a session has no promise of one call.
            if facts.lanes.count == 1, isWhole, !isDoubted, !isVerified { accounts(asked, partition) }
            if isSeen { answers(asked, partition) }
        }
    }

    private mutating func find(_ check: AuditCheck, _ call: CallFact, _ reason: String) {
        findings.append(
            Finding(check, at: nil, of: facts.id, time: call.time, "call \(call.sequence) of the journal: \(reason)")
        )
    }

    private mutating func accounts(_ asked: Asked, _ partition: Int32) {
        let calls = asked.calls.sorted { $0.sequence < $1.sequence }
        var answered: CallFact?
        for call in calls {
            if let answered, remembers(answered.time, at: call.time) {
                find(
                    .callRepeated,
                    call,
                    "asks again what call \(answered.sequence) asked, and no result tells a doubt"
                )
            }
            if !call.isSafeToRepeat { answered = call }
        }
        guard asked.exchanges.allSatisfy({ $0.answer != nil }), !isUsedUp(asked) else { return }
        let told = asked.exchanges.reduce(0) { $0 + ($1.answer?.calls ?? 0) }
        // What was turned away unread may have been asked by an owner who left the command to the next.
        let count = calls.count { !$0.isSafeToRepeat }
        if count > told {
            find(.callUncounted, asked.exchanges[0], partition, "\(count) calls, but its results tell of \(told)")
        }
    }

    /// An owner that died asked, and before the next one could, another code was verified, which ends the doubt about this one.
    private func isUsedUp(_ asked: Asked) -> Bool {
        asked.exchanges.contains { $0.answer.map { $0.reason == .sessionUsed && $0.calls == 0 } ?? false }
    }

    private mutating func answers(_ asked: Asked, _ partition: Int32) {
        for exchange in asked.exchanges {
            guard let answer = exchange.answer, !answer.replayed, answer.calls > 0 else { continue }
            if answer.isVerified, !asked.calls.contains(where: { $0.processed && $0.right }) {
                find(.verifiedWithoutCall, exchange, partition, "verified, and the upstream processed no right code")
            }
            if let told = Self.told(answer.reason), !asked.calls.contains(where: told) {
                let seen = asked.calls.isEmpty ? "never asked" : "answered otherwise"
                find(.answer, exchange, partition, "\(answer.reason.rawValue), but the upstream was \(seen)")
            }
        }
    }

    /// The answers from which a verdict can come; nil where the call need not have left a trace.
    ///
    /// The provider's codes are written a second time on purpose, so that a wrong row cannot agree with itself.
    private static func told(_ reason: Reason) -> ((CallFact) -> Bool)? {
        switch reason {
        case .ok: { $0.status == 200 && $0.code == 0 }
        case .alreadyVerified: { $0.status == 200 && $0.code == 100 }
        case .wrongCode: { $0.code == 1 }
        case .unknownSession: { [6, 12, 13].contains($0.code) || $0.status == 404 }
        case .sessionUsed: { [5, 17, 100].contains($0.code) }
        case .refusedByUpstream: { [9, 11, 14, 15, 16, 18, 19, 20, 21].contains($0.code) || $0.status == 400 }
        case .upstreamHalted: { [401, 403].contains($0.status) || [2, 3, 4, 7].contains($0.code) }
        case .unexpectedAnswer: { $0.status != nil }
        case .tooManyCodes, .deadlinePassed, .invalid, .upstreamUnavailable, .outcomeUnknown, .sessionBusy,
            .other:
            nil
        }
    }
}
