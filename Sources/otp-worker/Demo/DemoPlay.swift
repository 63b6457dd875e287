import OTPContract
import OTPKafka
import OTPObservability
import OTPVerifyClient
import OTPWorker

/// Plays the steps one after the other, each after the result of the one before, as a user at a checkout would.
struct DemoPlay {
    let settings: Settings
    let phone: String
    /// Session ids, new in every run, so that no ledger knows them.
    let sessions: [DemoStep.Session: String]
    /// The right codes, by session id.
    let codes: [String: String]

    /// How long one step may take.
    private static let patience = Duration.seconds(60)

    func rows() async throws -> [DemoReport.Row] {
        let client = try settings.client(forCommands: 1)
        let running = Task { try await client.run() }
        let outcome: Result<[DemoReport.Row], any Error>
        do {
            var rows: [DemoReport.Row] = []
            for step in DemoStep.all { rows.append(try await row(step, client)) }
            outcome = .success(rows)
        } catch {
            outcome = .failure(error)
        }
        running.cancel()
        _ = await running.result
        return try outcome.get()
    }

    private func row(_ step: DemoStep, _ client: OTPVerifyClient) async throws -> DemoReport.Row {
        let name = sessions[step.session] ?? step.session.rawValue
        guard let session = SessionID(name) else { throw Failure("\(name) cannot be a session") }
        let command = Command(session: session, value: value(of: step, session: name))
        var got: ResultEvent?
        do {
            got = try await client.ask(command, deadline: .now + Self.patience).event
        } catch let error as OTPVerifyError where error.code == .timedOut && error.isSent {
            // The report shows that nothing came.
        } catch let error as OTPVerifyError {
            throw error.cause ?? error
        }
        return DemoReport.Row(step: step, session: name, got: got)
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
