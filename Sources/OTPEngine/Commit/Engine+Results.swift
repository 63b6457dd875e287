import OTPContract

// A command's outcome as what is published: the result event, and the dead letter of an unusable record.
extension Engine {
    mutating func appendResult(of command: Command, to forming: inout Forming) {
        guard let conclusion = command.conclusion else { return }
        let record = command.record
        let reply = command.isUndeliverable ? nil : record.reply
        forming.append(.init(record: record.id, event: result(of: command, conclusion), reply: reply))
        guard case .unusable(let rejection) = record.content, !command.isLetterDropped else { return }
        guard committing.lettersDenied == nil else { return dropLetter(of: record.id) }
        let letter = DeadLetter(
            source: coordinates(of: record.id),
            timestamp: record.timestamp,
            key: record.key,
            consumerGroup: configuration.group,
            reason: rejection.reason,
            headers: record.headers,
            replayCount: record.replayCount,
            value: record.value
        )
        forming.append(letter, of: record.id)
    }

    func coordinates(of id: RecordID) -> Coordinates {
        Coordinates(topic: configuration.topic, partition: id.epoch.partition, offset: id.offset)
    }

    private func result(of command: Command, _ conclusion: Command.Conclusion) -> ResultEvent {
        let outcome = conclusion.outcome
        var event = ResultEvent(
            commandID: "",
            sessionID: nil,
            status: outcome.reason.status,
            reason: outcome.reason,
            retryable: outcome.retryable,
            inDoubt: conclusion.inDoubt,
            replayed: conclusion.replayed,
            first: conclusion.first.map { first in
                let record = RecordID(epoch: command.record.id.epoch, offset: first.offset)
                return ResultEvent.First(source: coordinates(of: record), commandID: first.commandID)
            },
            code: outcome.code,
            message: command.isUndeliverable ? nil : outcome.message,
            httpStatus: outcome.httpStatus,
            calls: command.attempts,
            maskedPhone: nil,
            receivedAt: command.receivedWall,
            completedAt: conclusion.at,
            source: coordinates(of: command.record.id),
            worker: configuration.worker
        )
        event.undeliverable = command.isUndeliverable
        if !command.isUndeliverable { event.echo = EchoHeaders.select(from: command.record.headers) }
        switch command.record.content {
        case .command(let verify, _, _):
            event.commandID = verify.commandID
            event.sessionID = verify.sessionID
            event.maskedPhone = verify.phone.masked
        case .unusable(let rejection):
            event.commandID = rejection.commandID
            event.sessionID = rejection.sessionID
        }
        return event
    }
}
