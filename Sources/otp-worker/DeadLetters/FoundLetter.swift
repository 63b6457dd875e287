package import OTPContract
package import OTPKafka

/// A dead letter as it lies on its topic.
package struct FoundLetter: Equatable, Sendable {
    package var letter: DeadLetter
    package var coordinates: Coordinates
    /// When it was written.
    package var time: WallTime

    package init(letter: DeadLetter, coordinates: Coordinates, time: WallTime) {
        self.letter = letter
        self.coordinates = coordinates
        self.time = time
    }

    /// Nil when the record is no dead letter that this version can read.
    package init?(_ record: ConsumedRecord) {
        guard let letter = DeadLetter(key: record.key, value: record.value, headers: record.headers) else { return nil }
        self.init(
            letter: letter,
            coordinates: AuditDecoding.coordinates(of: record),
            time: WallTime(milliseconds: record.timestamp ?? letter.timestamp.milliseconds)
        )
    }
}
