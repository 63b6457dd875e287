package import OTPAudit
import OTPContract
import OTPEngine

extension TimeLine {
    /// A session with a wrong code, the right one and the wrong one again, told in an order that is not that of time.
    package static func example() -> TimeLine {
        var history = AuditHistory(journal: true)
        let wrong = history.command("s-1", code: 0xdead)
        let right = history.command("s-1", code: 0xbeef)
        let again = history.command("s-1", code: 0xdead)
        let first = Fingerprint(keyID: 1, high: 0xdead, low: 0)
        history.ledger("s-1", .intent(first, source: 0, time: history.now))
        history.call(wrong, code: 1)
        history.conclude(wrong, .wrongCode) {
            $0.httpStatus = 200
            $0.code = 1
            $0.message = "marked"
        }
        history.conclude(right, .ok) { $0.inDoubt = false }
        history.result(again, .wrongCode) { $0.replayed = true }
        var line = TimeLine(
            of: AuditHistory.session("s-1"),
            commands: AuditHistory.topic,
            ledger: "ledger",
            deadLetters: "dead"
        )
        for item in history.items.reversed() {
            switch item {
            case .result(let fact): line.add(fact)
            case .ledger(let fact): line.add(fact)
            case .letter(let fact): line.add(fact, at: Coordinates(topic: "dead", partition: 0, offset: 0))
            case .call(let fact): line.add(fact)
            }
        }
        for command in history.commands.reversed() { line.add(command) }
        return line
    }
}
