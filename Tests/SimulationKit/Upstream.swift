import OTPContract
import OTPEngine

/// Paynet's `check_otp` with a truth of its own: it answers, is slow, breaks off, refuses, or is not there.
final class Upstream {
    private let world: World
    /// Until when: nothing answers, every request is one too many, the key is refused.
    var downUntil: Int64 = 0
    var limitedUntil: Int64 = 0
    var revokedUntil: Int64 = 0

    init(world: World) { self.world = world }

    var isDown: Bool { downUntil > world.now }

    /// Takes a request that has left the worker; answers at most once, perhaps never.
    func ask(_ call: Call, _ reply: @escaping (UpstreamAnswer) -> Void) {
        world.after(world.delay(100_000, ms(10))) { [self] in
            let slow = world.strikes(.slowAnswers, 0.15) ? world.delay(ms(100), sec(12)) : world.delay(200_000, ms(60))
            if world.strikes(.cutBefore, 0.08) { return answer(after: slow, UpstreamAnswer(.unknown(.closed)), reply) }
            if let poison = call.record.lane?.session.poison { return answer(after: slow, poison, reply) }
            if isDown { return answer(after: slow, outage(), reply) }
            if limitedUntil > world.now {
                let wait: Duration? = world.flip(0.5) ? .milliseconds(world.uniform(10...3_000)) : nil
                return answer(after: slow, UpstreamAnswer(.answered(status: 429), body: nil, retryAfter: wait), reply)
            }
            if revokedUntil > world.now { return answer(after: slow, refusal(), reply) }
            // Slow before it is processed, or after.
            let before = world.flip(0.5) ? slow : 0
            world.after(before) { [self] in
                let code = process(call)
                if world.strikes(.cutAfter, 0.08) {
                    return answer(after: slow - before, UpstreamAnswer(.unknown(.closed)), reply)
                }
                answer(after: slow - before, code, reply)
            }
        }
    }

    private func answer(after delay: Int64, _ answer: UpstreamAnswer, _ reply: @escaping (UpstreamAnswer) -> Void) {
        world.after(delay + world.delay(100_000, ms(5))) { reply(answer) }
    }

    private func outage() -> UpstreamAnswer {
        let status = world.pick([500, 502, 503, 504])
        return UpstreamAnswer(
            .answered(status: status),
            body: world.flip(0.5) ? .init(code: status, type: "api_error") : nil,
            retryAfter: status == 503 && world.flip(0.5) ? .milliseconds(world.uniform(0...2_000)) : nil
        )
    }

    private func refusal() -> UpstreamAnswer {
        switch world.uniform(0...3) {
        case 0: UpstreamAnswer(.answered(status: 401), body: .init(code: 401, type: "authorization_error"))
        case 1:
            UpstreamAnswer(.answered(status: 403), body: .init(code: 403, resultCode: 7, type: "authorization_error"))
        case 2: UpstreamAnswer(.answered(status: 403))
        default:
            UpstreamAnswer(.answered(status: 200), body: .init(code: world.pick([2, 3, 4, 7]), message: "blocked"))
        }
    }

    private func process(_ call: Call) -> UpstreamAnswer {
        let lane = call.record.lane
        guard let session = lane?.session else { return UpstreamAnswer(.answered(status: 400)) }
        if world.strikes(.oddStatuses, 0.1) { return oddStatus(call, session) }
        if world.strikes(.oddCodes, 0.12) { return odd(call, session) }
        if world.strikes(.unreadable, 0.05) {
            _ = truth(call, session)
            return UpstreamAnswer(.answered(status: 200), body: world.flip(0.5) ? nil : .init(message: "?"))
        }
        return body(truth(call, session))
    }

    private func body(_ code: Int) -> UpstreamAnswer {
        if code == 6 || code == 12 || code == 13, world.flip(0.3) {
            return UpstreamAnswer(.answered(status: 404), body: .init(code: 404, type: "no_data_error"))
        }
        return UpstreamAnswer(.answered(status: 200), body: .init(code: code, message: "message of \(code)"))
    }

    /// What is true of this session; it may end by it.
    private func truth(_ call: Call, _ session: Session) -> Int {
        let isRight = call.question == session.truth
        if session.isAccepted { return isRight ? world.plan.secondAnswer : world.plan.otherAnswer }
        if call.question.phone != session.phone.revealed { return 13 }
        if session.wrongCodes >= world.plan.wrongCodesUntilLocked { return world.plan.lockedAnswer }
        guard isRight else {
            session.wrongCodes += 1
            return 1
        }
        session.isAccepted = true
        call.wasAccepted = true
        return 0
    }

    /// A return code for a reason of the upstream's own; the ambiguous ones may have processed it.
    private func odd(_ call: Call, _ session: Session) -> UpstreamAnswer {
        let code = Int(world.pick([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 42]))
        if code == 8 || code == 10, world.flip(0.5) { _ = truth(call, session) }
        if world.flip(0.3) {
            return UpstreamAnswer(
                .answered(status: world.pick([400, 404, 405, 422])),
                body: .init(code: 400, resultCode: code, message: "an error", type: "invalid_request_error")
            )
        }
        return UpstreamAnswer(.answered(status: 200), body: .init(code: code, message: "odd"))
    }

    /// Of the upstream, or of something before it: then its back end may have processed the request.
    private func oddStatus(_ call: Call, _ session: Session) -> UpstreamAnswer {
        let status = Int(
            world.pick([202, 204, 302, 400, 401, 403, 404, 405, 408, 421, 422, 425, 429, 500, 502, 503, 503])
        )
        let body: UpstreamAnswer.Body? =
            switch world.uniform(0...3) {
            case 0: nil
            case 1: .init(code: status, resultCode: Int(world.pick([0, 100, 5, 9, 12])), type: "invalid_request_error")
            default: .init(code: status, message: "an error", type: "api_error")
            }
        let answer = UpstreamAnswer(
            .answered(status: status),
            body: body,
            retryAfter: status == 503 && world.flip(0.5) ? .milliseconds(300) : nil
        )
        let isSilent = [202, 204, 500, 502].contains(status) || (status == 503 && answer.retryAfter == nil)
        let isPage = body == nil && ![302, 408, 421, 425, 429, 503].contains(status)
        if isSilent || isPage, world.flip(0.5) { _ = truth(call, session) }
        return answer
    }
}
