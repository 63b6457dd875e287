import AuditKit
import OTPAudit
import OTPContract
import Testing

/// Each check of the upstream's journal fails on a history that is wrong in that one way.
struct AuditCallTests {
    private func history(
        _ reason: Reason = .wrongCode,
        calls: Int = 1,
        _ call: (inout AuditHistory, CommandFact) -> Void
    ) -> AuditHistory {
        var history = AuditHistory(journal: true)
        let command = history.command("a", code: 1)
        call(&history, command)
        history.conclude(command, reason, calls: calls)
        return history
    }

    @Test func aCallThatNoCommandAskedForIsFound() {
        let other = history { history, command in
            history.call(command, code: 1)
            history.call(command, code: 1) { $0.question = 2 }
        }
        #expect(other.found() == [.callWithoutCommand])
        let stranger = history { history, command in
            history.call(command, code: 1)
            history.call(command, code: 1) { $0.session = SessionID("stranger") }
        }
        #expect(stranger.found() == [.callWithoutCommand])
        let unreadable = history { history, command in
            history.call(command, code: 1)
            history.call(command, code: 11, status: 400) { $0.session = nil }
        }
        #expect(unreadable.found() == [.callWithoutCommand])
    }

    @Test func aSecondCallThatNothingExcusesIsFound() {
        let repeated = history(calls: 2) { history, command in
            history.call(command, code: 1)
            history.call(command, code: 1)
        }
        #expect(repeated.found() == [.callRepeated])
    }

    @Test func callsAtATimeAreFound() {
        let overlapping = history { history, command in history.call(command, code: 1) { $0.overlapping = true } }
        #expect(overlapping.found() == [.callOverlapping])
        // A call that was given up may still be under way at the upstream.
        let givenUp = history(.outcomeUnknown, calls: 2) { history, command in
            history.call(command, code: nil, status: nil)
            history.call(command, code: nil, status: nil) { $0.overlapping = true }
        }
        #expect(givenUp.found() == [])
    }

    @Test func aCallThatNoResultTellsOfIsFound() {
        let uncounted = history(calls: 0) { history, command in history.call(command, code: 1) }
        #expect(uncounted.found() == [.unfounded, .callUncounted])
        // What was turned away unread may have been asked by an owner who left the command to the next.
        let turnedAway = history { history, command in
            history.call(command, code: nil, status: 503)
            history.call(command, code: 1)
        }
        #expect(turnedAway.found() == [])
    }

    /// A worker died with a right and a wrong code asked about; the next one asks about the right one again, and needs to ask no more.
    @Test func whatADeadOwnerAskedIsNotTheResultsMatterOnceTheSessionIsVerified() {
        var history = AuditHistory(journal: true)
        let (right, wrong) = (history.command("a", code: 1), history.command("a", code: 2))
        history.call(right, code: 0)
        history.call(wrong, code: 17)
        history.call(right, code: 0)
        history.conclude(right, .ok)
        history.conclude(wrong, .sessionUsed, calls: 0)
        #expect(history.found() == [])
    }

    @Test func aFalseVerifiedIsFound() {
        let never = history(.ok) { _, _ in }
        #expect(never.found() == [.verifiedWithoutCall, .answer])
        let wrong = history(.ok) { history, command in history.call(command, code: 1) }
        #expect(wrong.found() == [.verifiedWithoutCall, .answer])
        let lost = history(.ok) { history, command in history.call(command, code: 0) { $0.processed = false } }
        #expect(lost.found() == [.verifiedWithoutCall])
    }

    @Test func aResultThatTheUpstreamDidNotSayIsFound() {
        let answers: [(Reason, Int)] = [
            (.wrongCode, 17), (.unknownSession, 1), (.sessionUsed, 1), (.refusedByUpstream, 1), (.upstreamHalted, 1),
        ]
        for (reason, code) in answers {
            let history = history(reason) { history, command in history.call(command, code: code) }
            #expect(history.found() == [.answer], "\(reason.rawValue) for \(code)")
        }
    }

    @Test func withoutAJournalNoCallIsAskedFor() {
        var blind = history(.ok) { _, _ in }
        blind.rules.hasJournal = false
        #expect(blind.found() == [])
        #expect(!blind.report().checks.contains(.answer))
    }

    @Test func aLineOfTheJournalIsRead() throws {
        let line = #"""
            {"sequence":4,"time":1700000000123,"connection":1,"method":"POST","path":"/v1/card/check_otp",
            "otp_session_id":"s-1","digest":"00ff00ff00ff00","right":true,"processed":true,"status":200,"code":0,
            "overlapping":false,"traceparent":false}
            """#
        let call = try #require(try JournalLine.parse(Array(line.utf8)))
        #expect(
            call
                == CallFact(
                    sequence: 4,
                    time: WallTime(milliseconds: 1_700_000_000_123),
                    session: SessionID("s-1"),
                    question: 0x00ff_00ff_00ff_00,
                    right: true,
                    processed: true,
                    status: 200,
                    code: 0
                )
        )
        let other = line.replacing("check_otp", with: "send_otp")
        #expect(try JournalLine.parse(Array(other.utf8)) == nil)
        #expect(throws: JournalLine.Unreadable.self) { try JournalLine.parse(Array("{\"sequence\":".utf8)) }
    }
}
