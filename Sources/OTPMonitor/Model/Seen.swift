package import OTPContract

/// What is kept of a result: enough to tell what became of a session, and neither phone number nor message.
package struct SeenResult: Equatable, Sendable {
    package var session: SessionID?
    package var status: Status
    package var reason: Reason
    package var retryable: Bool
    package var inDoubt: Bool
    package var replayed: Bool
    package var calls: Int32
    package var httpStatus: Int32?
    package var code: Int32?
    package var receivedAt: WallTime
    package var completedAt: WallTime
    /// Of the command.
    package var partition: Int32
    package var offset: Int64
    package var worker: String

    /// Somebody may have to look at it.
    package var isTroubled: Bool { inDoubt || status == .failed }

    package var milliseconds: Int64 { max(0, completedAt.milliseconds - receivedAt.milliseconds) }

    /// Of a reason that a newer worker gives.
    private static let reasonCharacters = 64

    init(_ event: ResultEvent, worker: String) {
        session = event.sessionID
        status = event.status
        reason = event.reason
        if case .other(let text, let status) = event.reason {
            reason = .other(String(text.prefix(Self.reasonCharacters)), status)
        }
        retryable = event.retryable
        inDoubt = event.inDoubt
        replayed = event.replayed
        calls = Int32(clamping: event.calls)
        httpStatus = event.httpStatus.map { Int32(clamping: $0) }
        code = event.code.map { Int32(clamping: $0) }
        receivedAt = event.receivedAt
        completedAt = event.completedAt
        partition = event.source.partition
        offset = event.source.offset
        self.worker = worker
    }
}

/// What is kept of a dead letter.
package struct SeenLetter: Equatable, Sendable {
    /// The command's key where that can be a session and is no phone number; it is compared and never shown.
    package var session: SessionID?
    package var reason: InvalidReason
    package var replays: Int32
    /// When it was written.
    package var time: WallTime
    /// Of the command.
    package var partition: Int32
    package var offset: Int64

    package init(_ letter: DeadLetter, written time: WallTime) {
        session =
            letter.isKeyConcealed
            ? nil : letter.key.flatMap { String(validating: $0, as: UTF8.self) }.flatMap { SessionID($0) }
        reason = letter.reason
        replays = Int32(clamping: letter.replayCount)
        self.time = time
        partition = letter.source.partition
        offset = letter.source.offset
    }
}
