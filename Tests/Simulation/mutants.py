#!/usr/bin/env python3
"""Deliberate faults of the engine, each a bug that real systems had: the proof that the simulation can fail.

A mutant replaces one snippet of the engine by another. The engine itself is never touched: a copy is built once, with every
replacement behind a run-time switch. A snippet that no longer occurs exactly once stops everything, so that the list cannot rot.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    name: str
    file: str
    original: str
    mutated: str
    # Where to begin, and within how many seeds it must be caught.
    first: int = 1
    seeds: int = 2_000

    def switch(self, number: int) -> str:
        """Both behaviours: an expression becomes a choice of two, anything else says itself where ACTIVE decides."""
        active = f"Mutant.isActive({number})"
        if "ACTIVE" in self.mutated:
            return self.mutated.replace("ACTIVE", active)
        return f"({active} ? ({self.mutated}) : ({self.original}))"


MUTANTS = [
    # Offsets
    Mutant("offset-of-last-finished", "PartitionProgress.swift",
           "let offset = base + Int64(index)",
           "if ACTIVE, let last = slots.lastIndex(where: { $0 == .batched || $0 == .finished }) { index = last + 1 }\n"
           "        let offset = base + Int64(index)"),
    Mutant("bitmap-counts-memory", "Engine+Deciding.swift",
           "partition.uncommitted.concluded(command, leavesIntent: leavesIntent)",
           "partition.uncommitted.concluded(command, leavesIntent: leavesIntent)\n"
           "        if ACTIVE { partition.progress.batched(command.offset) }"),
    Mutant("bitmap-ignored-at-restore", "Engine+Restore.swift",
           "start.metadata?.finished ?? []", "[]"),
    Mutant("end-believed-while-draining", "Engine+Intake.swift",
           "guard let partition = partitions[epoch], isWorking(partition) else { return }",
           "guard let partition = partitions[epoch], ACTIVE ? partition.isActive : isWorking(partition) else { return }", first=5_177),
    Mutant("skipped-offsets-never-committed", "Engine+Batches.swift",
           "return committing.lastCommit + Limits.idleCommit", "return ACTIVE ? nil : committing.lastCommit + Limits.idleCommit", first=915),
    Mutant("batch-id-repeats", "Engine+Batches.swift",
           "BatchID(process: configuration.processID,", "BatchID(process: ACTIVE ? 1 : configuration.processID,", first=486),
    # Calls and intents
    Mutant("call-repeated-after-abort", "Engine+Transactions.swift",
           "partition.uncommitted.requeued(command)",
           """if ACTIVE, command.attempts > 0 {
                    let again = Command(command.record, at: now, wall: command.receivedWall, maximumAge: configuration.maximumAge)
                    partition.admitted(again)
                    again.decided(again: false, isGuess: false)
                    if let session = command.session { _ = partition.lanes.arrived(again, of: session) }
                    dispatch.queued(again, at: now)
                } else {
                    partition.uncommitted.requeued(command)
                }"""),
    Mutant("intent-skipped", "Engine+Calls.swift",
           "} else if !command.needsIntent {",
           "} else if ACTIVE || !command.needsIntent {"),
    Mutant("intent-void-by-fingerprint", "SessionEntry.swift",
           "state.contains { $0.fingerprint == intent.fingerprint && $0.hasOutcome(since: intent.source) }",
           "state.contains { $0.fingerprint == intent.fingerprint && $0.outcome != nil }", first=7_200),
    Mutant("restored-intent-void-by-fingerprint", "SessionEntry.swift",
           "code(intent.fingerprint)?.hasOutcome(since: intent.source) == true",
           "code(intent.fingerprint)?.outcome != nil", first=3_614),
    Mutant("tombstone-not-awaited", "Engine+Deciding.swift",
           "partition.uncommitted.hasTombstone(of: session)", "false"),
    Mutant("intent-voided-by-others", "Engine+Deciding.swift",
           "partition.ledger[session].hasIntent(fingerprint, source: command.offset)",
           "partition.ledger[session].intents.contains { $0.fingerprint == fingerprint }", first=227),
    Mutant("open-intents-not-doubted", "SessionLedger.swift",
           "for session in sessions.withIntents {", "for session in sessions.withIntents where !ACTIVE {"),
    Mutant("intent-left-behind", "Engine+Deciding.swift",
           "!concludesCode && leavesIntent(command, partition)", "false"),
    Mutant("intent-expires-unanswered", "SessionLedger.swift",
           "entry.newestSource < committed", "true", first=1_936),
    Mutant("deadline-unchecked-at-write", "Engine.swift", "now < command.end", "true", first=33_100),
    # Answers and doubt
    Mutant("ambiguous-taken-for-not-sent", "AnswerTable.swift",
           "case .unknown: self = .ambiguous", "case .unknown: self = ACTIVE ? .retryable : .ambiguous"),
    Mutant("server-error-taken-for-not-sent", "AnswerTable.swift",
           "case 500...599: return .ambiguous", "case 500...599: return ACTIVE ? .retryable : .ambiguous"),
    Mutant("ambiguous-asked-for-ever", "RetrySchedule.swift", "ambiguous <= ambiguousRetries", "true"),
    Mutant("doubt-forgotten-by-next-code", "SessionEntry.swift",
           "if outcome.isVerified { close(by: fingerprint) }",
           "if ACTIVE { for other in codes.indices { codes[other].isDoubtful = false } }\n"
           "        if outcome.isVerified { close(by: fingerprint) }"),
    Mutant("100-always-verified", "Engine+Answers.swift",
           "entry.code(fingerprint)?.isDoubtful ?? false", "true"),
    Mutant("100-verified-despite-other-doubt", "Engine+Answers.swift",
           "!entry.isAnotherInDoubt(than: fingerprint)", "true"),
    Mutant("closed-session-asked", "Decision.swift", "entry.isClosed", "false"),
    Mutant("retryable-failure-replayed", "Decision.swift", "!known.retryable", "true"),
    # Replays and guesses
    Mutant("first-is-the-asker", "Engine+Deciding.swift",
           "Command.First(offset: $0.source,", "Command.First(offset: ACTIVE ? command.offset : $0.source,"),
    Mutant("notes-not-written", "Engine+Batches.swift",
           "if !notes.isEmpty {", "if !ACTIVE, !notes.isEmpty {"),
    Mutant("guesses-at-once-uncounted", "Engine+Deciding.swift",
           "wrong + partition.calls.guesses(of: phone)", "wrong + (ACTIVE ? 0 : partition.calls.guesses(of: phone))"),
    Mutant("guesses-forgotten-by-the-next-owner", "SessionLedger.swift",
           "if code.outcome?.reason == .wrongCode {", "if !ACTIVE, code.outcome?.reason == .wrongCode {"),
    # Ownership
    Mutant("old-epoch-accepted", "Partitions.swift", "partition.epoch == epoch", "true"),
    Mutant("old-proof-accepted", "Membership.swift", "count == leaseLosses", "true", first=17_900),
    Mutant("sleep-unnoticed", "Membership.swift", "gap > patience", "false", first=819),
    Mutant("silence-unnoticed", "Membership.swift", "isLeaseValid && !canProve(at: now) && lost(.coordinatorSilent)", "false", first=4_231),
    Mutant("lease-unchecked-at-write", "Engine.swift",
           "guard group.isLeaseValid, let partition = partitions[record.epoch]",
           "guard ACTIVE || group.isLeaseValid, let partition = partitions[record.epoch]", first=555),
    Mutant("no-proof-without-work", "Engine+Batches.swift",
           "group.needsProof(at: now) && forming.open.shares.isEmpty && index == committable.count - 1", "false"),
    # Transactions
    Mutant("past-moment-waited-for", "TransactionState.swift",
           "if case .backingOff(let until) = phase, now >= until { phase = .idle }",
           "if !ACTIVE, case .backingOff(let until) = phase, now >= until { phase = .idle }"),
    Mutant("unknown-commit-never-counts", "Engine+UnknownCommits.swift",
           "evidence.compactMap { found[$0] }", "evidence.compactMap { ACTIVE ? found[$0].map { _ in false } : found[$0] }"),
    Mutant("unknown-commit-always-counts", "Engine+UnknownCommits.swift",
           "if words.contains(true)", "if ACTIVE || words.contains(true)"),
    Mutant("offsets-of-aborted-batch", "Engine+Transactions.swift",
           "let voids = partition.inOrder",
           """for state in share.states where ACTIVE {
                partition.ledger.committed(state.codes, of: state.session, ledgerOffset: share.floor + 2)
            }
            let voids = partition.inOrder""", first=15_886),
    Mutant("aborted-outcomes-reordered", "Engine+Transactions.swift",
           "for offset in share.offsets.reversed()",
           "for offset in ACTIVE ? share.offsets : Array(share.offsets.reversed())"),
    Mutant("floor-forgets-pending-intents", "LedgerTail.swift", "unacknowledged.values.min() ?? .max", "Int64.max", first=32_200),
    Mutant("floor-forgets-the-oldest", "LedgerTail.swift", "oldestEntry ?? .max", "Int64.max"),
    Mutant("unpublishable-retried-for-ever", "Engine+Transactions.swift",
           "command.becameUndeliverable()", "if !ACTIVE { command.becameUndeliverable() }"),
    Mutant("parked-outcomes-forgotten", "Engine+Parking.swift",
           "if !partition.uncommitted.concluded.isEmpty {", "if !ACTIVE, !partition.uncommitted.concluded.isEmpty {", first=1_421),
    # What a real cluster does
    Mutant("stale-position-believed", "Engine+Restore.swift",
           "!configuration.acceptLedgerLoss || times < Limits.staleOffsets", "false"),
    Mutant("word-of-another-record-believed", "CommitQuestion.swift", "finished.contains($0.source)", "true"),
    Mutant("replay-leaves-no-word", "Engine+Batches.swift",
           "if !isTold, let finished = share.newestFinished {", "if !ACTIVE, !isTold, let finished = share.newestFinished {"),
    Mutant("session-split-over-batches", "Uncommitted.swift",
           "guard !concluded.isEmpty else { return dequeued }", "guard !ACTIVE, !concluded.isEmpty else { return dequeued }"),
    Mutant("reading-not-watched", "ReadingWatch.swift",
           "guard told > position else { return nil }", "guard !ACTIVE, told > position else { return nil }"),
    Mutant("undecodable-tried-for-ever", "Passage.swift", "tries > Limits.decodingTries", "false"),
    # Rebalance, drain, bounds
    Mutant("drain-forgets-back-off", "Engine+Group.swift",
           "case .ready, .backingOff: abandon(command, partition)",
           "case .backingOff where ACTIVE: break\n            case .ready, .backingOff: abandon(command, partition)", first=1_932),
    Mutant("release-forgets-open-batch", "Engine+Group.swift", "!isInOpenBatch(partition.epoch)", "true", first=694),
    Mutant("passed-over-twice", "Engine+Reading.swift",
           "let range = partition.progress.unfinished(in: passed)",
           "let range = ACTIVE ? passed : partition.progress.unfinished(in: passed)", first=357_666),
    Mutant("slow-release-gets-no-more-time", "Group.swift",
           "guard let revocation, revocation.partitions.contains(number)",
           "guard !ACTIVE, let revocation, revocation.partitions.contains(number)", first=1_600),
    Mutant("release-before-its-transaction-ends", "Engine+Group.swift",
           "!owned.contains { $0.isWritable && isInOpenBatch($0.epoch) }", "true"),
    Mutant("refused-transaction-gives-no-more-time", "Engine+Transactions.swift",
           "group.gotFurther(with: epoch.partition, at: now)\n            for offset in",
           "if !ACTIVE { group.gotFurther(with: epoch.partition, at: now) }\n            for offset in"),
    Mutant("refused-generation-loses-the-lease", "Engine+Transactions.swift",
           "case .stale: break", "case .stale: if ACTIVE { report(ifAny: group.fenced()) }"),
    Mutant("unknown-member-keeps-the-lease", "Engine+Transactions.swift",
           "case .unknownMember: report(ifAny: group.fenced())",
           "case .unknownMember: if !ACTIVE { report(ifAny: group.fenced()) }"),
    Mutant("intake-never-reopens", "Engine+Intake.swift",
           "for partition in partitions.inOrder(where: \\.isRestored) { unpause(partition, for: .admission) }",
           "for partition in partitions.inOrder(where: \\.isRestored) where !ACTIVE { unpause(partition, for: .admission) }"),
    Mutant("held-record-lost", "Engine+Intake.swift",
           "partition.reading.putBack(record)", "if !ACTIVE { partition.reading.putBack(record) }"),
    # The upstream's protection
    Mutant("half-open-lets-everybody-through", "CircuitBreaker.swift",
           "case .halfOpen: .closed(until: nil)", "case .halfOpen: ACTIVE ? .open : .closed(until: nil)", first=1_245),
    Mutant("wrong-code-feeds-the-breaker", "Protection.swift",
           "case .accepted, .alreadySucceeded, .rejected, .refused: change =",
           "case .rejected where ACTIVE: change = breaker?.failed(answer.id, of: answer.session, at: now, using: &random)\n"
           "        case .accepted, .alreadySucceeded, .rejected, .refused: change ="),
    Mutant("one-session-halts-all", "Protection.swift",
           "refused.areEnough(served: served, at: now)", "true"),
    Mutant("refusals-outlive-a-success", "Protection.swift",
           "if halt?.isHalted != true { refused.clear() }", "if !ACTIVE, halt?.isHalted != true { refused.clear() }", first=761),
    Mutant("one-session-holds-all", "Protection.swift",
           "toldToWait.areEnough(served: served, at: now)", "true"),
    Mutant("one-session-opens-the-breaker", "CircuitBreaker.swift",
           "if failing.count >=", "if (ACTIVE ? window.totals(at: now).failures : failing.count) >="),
    Mutant("nobody-known-opens-the-breaker", "CircuitBreaker.swift",
           "if let session {",
           """if ACTIVE, session == nil {
            if lastFailed != nil { (lastFailed, othersFailure) = (nil, lastFailure) }
            lastFailure = now
        }
        if let session {""", first=7_154_088),
    Mutant("refused-ones-probe", "Protection.swift",
           "return (halt?.isHalted == true && refused.contains(session))", "return (!ACTIVE && halt?.isHalted == true && refused.contains(session))"),
    Mutant("halt-forgotten-on-rebalance", "Engine+Group.swift",
           "report(.assigned(numbers))",
           """report(.assigned(numbers))
        if ACTIVE {
            protection = Protection(configuration, seed: 0, now: now)
        }""", first=470),
    Mutant("retry-budget-not-charged", "RetryBudget.swift", "tokens -= 1", "tokens -= ACTIVE ? 0 : 1"),
    Mutant("rate-share-ignored", "RateLimiter.swift",
           "Double(min(max(owned, 1), partitions))", "Double(partitions)"),
    Mutant("intent-called-despite-the-breaker", "Engine+Calls.swift",
           "protection.stillAllows(id, at: now)", "true", first=958),
    Mutant("probe-never-released", "CircuitBreaker.swift",
           "state = .open(until: now)", "if !ACTIVE { state = .open(until: now) }", first=9_610),
]
