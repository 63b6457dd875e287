/// The faults that a session id asks for itself, between tildes: `order-17~429x2~` is answered 429 twice, then well.
///
/// Several may follow one another (`a~delay300~429x2~`); they come before the configured rules. Each counts the
/// calls of its own session. Text between tildes that is not in the table has no meaning.
///
/// | between tildes | what the call meets |
/// |---|---|
/// | `429`, any number from 201 to 599 | that HTTP status, not processed; `http401` is the same |
/// | `429r3` | the same, with `Retry-After: 3` |
/// | `page404` | the status with a page of HTML, as a proxy in between sends it, not processed |
/// | `code17` | a 200 with code 17, not processed |
/// | `503-after`, `204-after`, `page502-after` | the same, but processed |
/// | `delay300` | the answer 300 ms later |
/// | `cut-before` | connection closed, not processed |
/// | `cut-after` | processed, connection closed without an answer |
/// | `hang`, `hang-after` | never an answer; not processed, processed |
/// | `garbage`, `garbage-json` | processed; bytes that are not HTTP, a 200 that is not JSON |
/// | `half` | processed; half of the body, then the end of the connection |
/// | `oversized` | processed; a message of 1 MiB |
/// | `close` | processed; the whole answer, then the end of the connection |
/// | `chunks` | processed; a chunk size that is not a number |
/// | `drip` | processed; one byte each 5 ms |
///
/// Each takes `xN` at its end: the first N calls only (`429x2`, `cut-afterx1`); without it, every call.
package enum SessionDirectives {
    /// The rules that `session` carries, in their order.
    package static func rules(in session: String) -> [FaultRule] {
        let parts = session.split(separator: "~", omittingEmptySubsequences: false)
        guard parts.count > 2 else { return [] }
        return parts[1..<parts.count - 1].compactMap(rule)
    }

    private static func rule(_ text: Substring) -> FaultRule? {
        if let rule = rule(text, times: nil) { return rule }
        guard let mark = text.lastIndex(of: "x"), let times = Int(text[text.index(after: mark)...]) else { return nil }
        return rule(text[..<mark], times: times)
    }

    private static func rule(_ text: Substring, times: Int?) -> FaultRule? {
        if let action = FaultAction.plain[String(text)] ?? number(text) {
            return FaultRule(action, times: times, per: .session)
        }
        guard text.hasSuffix("-after") else { return nil }
        let text = text.dropLast("-after".count)
        let action = text == "hang" ? FaultAction.hang : number(text)
        return action.map { FaultRule($0, times: times, per: .session, processed: true) }
    }

    private static func number(_ text: Substring) -> FaultAction? {
        if let code = number(text, after: "code") { return .answer(ReturnCode(rawValue: code)) }
        if let milliseconds = number(text, after: "delay") { return .delay(.milliseconds(milliseconds)) }
        if let status = number(text, after: "page"), statuses.contains(status) {
            return .body(Array(AnswerForm.page(status).utf8), status: status, contentType: "text/html")
        }
        let text = text.hasPrefix("http") ? text.dropFirst(4) : text
        let parts = text.split(separator: "r", maxSplits: 1, omittingEmptySubsequences: false)
        guard let status = Int(parts[0]), statuses.contains(status) else { return nil }
        guard parts.count == 2 else { return .status(status) }
        return Int(parts[1]).map { .status(status, retryAfter: $0) }
    }

    private static let statuses = 201...599

    private static func number(_ text: Substring, after prefix: String) -> Int? {
        text.hasPrefix(prefix) ? Int(text.dropFirst(prefix.count)) : nil
    }
}
