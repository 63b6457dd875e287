import OTPAudit
import OTPContract
import OTPEngine
import OTPKafka
import OTPSandbox
import OTPWorker

/// Turns the worker's records into the facts of an audit.
///
/// Phone and code of a command go into a digest here and are dropped.
enum AuditDecoding {
    enum Item: Sendable {
        case result(ResultFact)
        case letter(DeadLetterFact)
        case ledger(LedgerFact)
        case unreadable(Coordinates, String)
    }

    /// What a record of any topic but that of the commands says; nil when it is not for the audit.
    static func item(_ record: ConsumedRecord, _ topics: WorkerConfiguration.Topics) -> Item? {
        switch record.topic {
        case topics.results: result(record)
        case topics.ledger: ledger(record)
        case topics.deadLetters: letter(record)
        default: reply(record)
        }
    }

    static func coordinates(of record: ConsumedRecord) -> Coordinates {
        Coordinates(topic: record.topic, partition: record.partition, offset: record.offset)
    }

    static func time(_ record: ConsumedRecord) -> WallTime { WallTime(milliseconds: record.timestamp ?? 0) }

    static func command(_ record: ConsumedRecord, _ decoder: CommandDecoder) -> CommandFact {
        let decoded = decoder.decode(
            key: record.key,
            value: record.value,
            headers: record.headers,
            at: coordinates(of: record)
        )
        var fact = CommandFact(
            partition: record.partition,
            offset: record.offset,
            time: time(record),
            commandID: "",
            content: .unusable(.malformed, nil)
        )
        switch decoded {
        case .success(let command):
            fact.commandID = command.commandID
            fact.maskedPhone = command.phone.masked
            fact.canBeRight = command.code.canBeRight
            fact.content = .usable(
                command.sessionID,
                question(command.phone, command.code),
                expiresAt: command.expiresAt
            )
        case .failure(let rejection):
            fact.commandID = rejection.commandID
            fact.content = .unusable(rejection.reason, rejection.sessionID)
        }
        return fact
    }

    /// The digest by which the sandbox's journal knows a question.
    static func question(_ phone: PhoneNumber, _ code: OTPCode) -> Question {
        Question(OneTimeCode.digest(phone: phone.revealed, code: code.revealed), radix: 16) ?? 0
    }

    static func result(_ record: ConsumedRecord) -> Item {
        guard let value = record.value, let event = try? ResultEvent.decode(value) else {
            return .unreadable(coordinates(of: record), "not a result that this version can read")
        }
        let isUndeliverable = record.headers.contains { $0.name == "otp_reply_undeliverable" }
        return .result(
            ResultFact(event, at: coordinates(of: record), time: time(record), undeliverable: isUndeliverable)
        )
    }

    /// A reply topic may carry other services' replies too.
    private static func reply(_ record: ConsumedRecord) -> Item? {
        if case .result(let fact) = result(record) { .result(fact) } else { nil }
    }

    /// A barrier says nothing of any session.
    static func ledger(_ record: ConsumedRecord) -> Item? {
        if let key = record.key, LedgerBarrier.isKey(key) { return nil }
        guard let key = record.key, let entry = LedgerRecord(key: key, value: record.value) else {
            return .unreadable(coordinates(of: record), "not a ledger record")
        }
        let fact = LedgerFact(
            partition: record.partition,
            offset: record.offset,
            time: time(record),
            record: entry
        )
        return .ledger(fact)
    }

    static func letter(_ record: ConsumedRecord) -> Item {
        guard let letter = DeadLetter(key: record.key, value: record.value, headers: record.headers) else {
            return .unreadable(coordinates(of: record), "not a dead letter that this version can read")
        }
        return .letter(DeadLetterFact(source: letter.source, reason: letter.reason.rawValue, time: time(record)))
    }
}
