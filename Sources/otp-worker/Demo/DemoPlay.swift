import OTPContract
import OTPKafka
import OTPObservability
import OTPWorker

/// Plays the steps one after the other, each after the result of the one before, as a user at a checkout would.
///
/// Blocks.
struct DemoPlay {
    let settings: Settings
    let phone: String
    /// Session ids, new in every run, so that no ledger knows them.
    let sessions: [DemoStep.Session: String]
    /// The right codes, by session id.
    let codes: [String: String]

    func rows() throws -> [DemoReport.Row] {
        let topics = settings.worker.topics
        let count = try TopicCheck.partitionCounts([topics.commands], settings.common)[topics.commands] ?? 1
        let results = try ResultWait(settings.common, topic: topics.results)
        defer { results.close() }
        let sender = try CommandSender(settings.common)
        defer { sender.close() }
        return try DemoStep.all.map { step in
            let session = sessions[step.session] ?? step.session.rawValue
            let key = Array(session.utf8)
            let record = OutgoingRecord(
                topic: topics.commands,
                partition: KeyPartitioner.murmur2.partition(of: key, count: count),
                key: key,
                value: value(of: step, session: session)
            )
            let sent = try sender.send([record], timeout: .seconds(30))
            var got: ResultEvent?
            _ = try results.results(of: sent, within: .seconds(30)) { got = $0.event }
            return DemoReport.Row(step: step, session: session, got: got)
        }
    }

    private func value(of step: DemoStep, session: String) -> [UInt8] {
        switch step.value {
        case .text(let text): return Array(text.utf8)
        case .code(let code):
            let right = codes[session] ?? "AAAA"
            let typed =
                switch code {
                case .right: right
                case .wrong: String(right.reversed()) == right ? "WRNG" : String(right.reversed())
                case .otherWrong: "X" + right.dropFirst() == right ? "Y" + right.dropFirst() : "X" + right.dropFirst()
                }
            let past = WallTime(milliseconds: LogSink.wallClock().milliseconds - 60_000).iso8601
            let command = CommandLines.command(
                session: session,
                phone: phone,
                code: typed,
                expiresAt: step.isExpired ? past : nil
            )
            return command?.value ?? []
        }
    }
}
