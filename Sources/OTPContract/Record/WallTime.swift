/// A moment of the wall clock in whole milliseconds since 1970-01-01T00:00:00Z, as Kafka counts time.
///
/// Never reads a clock and never rounds up: digits below a millisecond are dropped, so that a deadline cannot move later.
public struct WallTime: Hashable, Comparable, Sendable {
    /// Milliseconds since the epoch, UTC.
    public var milliseconds: Int64

    /// A moment by its milliseconds since the epoch, UTC; negative before it.
    public init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    /// Whether the one is before the other.
    public static func < (lhs: WallTime, rhs: WallTime) -> Bool {
        lhs.milliseconds < rhs.milliseconds
    }

    /// Reads `2017-07-17T15:30:15.0581408+03:00`: date, time, any fraction of a second, and `Z` or an offset.
    ///
    /// What others write is read as well: a comma before the fraction, no seconds where they are zero, `24:00:00` for the end of a day,
    /// `t`, `z` or a blank for the `T`, the basic format `20170717T153015Z`, the offset as `+0300` or `+03` or with the sign U+2212, and
    /// behind an offset Java's `[Europe/Istanbul]`, which says nothing more. `nil` for anything else, a time without an offset
    /// included: guessing a zone would move a deadline by hours.
    public init?(iso8601 text: String) {
        var reader = DigitReader(bytes: Array(text.utf8))
        guard let year = reader.number(digits: 4) else { return nil }
        let isExtended = reader.consume("-")
        guard let month = reader.number(digits: 2), !isExtended || reader.consume("-"),
            let day = reader.number(digits: 2), reader.consume("T") || reader.consume("t") || reader.consume(" "),
            let hour = reader.number(digits: 2), !isExtended || reader.consume(":"),
            let minute = reader.number(digits: 2),
            let rest = reader.seconds(afterColon: isExtended),
            (1...12).contains(month), day >= 1, day <= Self.days(inMonth: month, of: year),
            // A leap second counts as the first moment of the next minute, and 24:00 as that of the next day.
            hour <= 23 || hour == 24 && minute == 0 && rest.isZero, minute <= 59, rest.seconds <= 60,
            let offset = reader.offsetInMinutes(), reader.isAtEndBehindZone()
        else { return nil }
        let minutes = (Self.days(year: year, month: month, day: day) * 24 + hour) * 60 + minute - offset
        milliseconds = (minutes * 60 + rest.seconds) * 1000 + rest.milliseconds
    }

    /// `2026-11-23T10:00:00.000Z`.
    ///
    /// RFC 3339 ends at the years 0000 and 9999: moments beyond are written as the nearest one that it can express.
    public var iso8601: String {
        String(decoding: iso8601Bytes, as: UTF8.self)
    }

    /// The same as bytes.
    var iso8601Bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.iso8601Length)
        appendISO8601(to: &bytes)
        return bytes
    }

    func appendISO8601(to bytes: inout [UInt8]) {
        let clamped = min(max(milliseconds, Self.firstExpressible), Self.lastExpressible)
        let (day, rest) = Self.floorDivide(clamped, by: 86_400_000)
        let date = Self.date(ofDay: day)
        // Two of them are in every result: their digits go to the bytes together.
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.iso8601Length) { text in
            var end = 0
            func append(_ value: Int64, digits: Int, then next: Unicode.Scalar) {
                var rest = value
                for index in (end..<end + digits).reversed() {
                    text.initializeElement(at: index, to: UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
                    rest /= 10
                }
                text.initializeElement(at: end + digits, to: UInt8(ascii: next))
                end += digits + 1
            }
            append(date.year, digits: 4, then: "-")
            append(date.month, digits: 2, then: "-")
            append(date.day, digits: 2, then: "T")
            append(rest / 3_600_000, digits: 2, then: ":")
            append(rest / 60_000 % 60, digits: 2, then: ":")
            append(rest / 1000 % 60, digits: 2, then: ".")
            append(rest % 1000, digits: 3, then: "Z")
            bytes.append(contentsOf: text[..<end])
        }
    }

    private static let iso8601Length = 24
    private static let firstExpressible = days(year: 0, month: 1, day: 1) * 86_400_000
    private static let lastExpressible = days(year: 10_000, month: 1, day: 1) * 86_400_000 - 1

    private static func floorDivide(_ value: Int64, by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    private static func days(inMonth month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 2: (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    // The proleptic Gregorian calendar counted in eras of 400 years that start on the first of March, so that the leap
    // day is the last of its year (the public-domain method of H. Hinnant).
    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let (era, yearOfEra) = floorDivide(month <= 2 ? year - 1 : year, by: 400)
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func date(ofDay day: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = floorDivide(day + 719_468, by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }
}

private struct DigitReader {
    let bytes: [UInt8]
    var position = 0

    var isAtEnd: Bool { position == bytes.count }

    private var isAtDigit: Bool {
        position < bytes.count && (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position])
    }

    mutating func consume(_ character: Unicode.Scalar) -> Bool {
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    mutating func digit() -> Int64? {
        guard isAtDigit else { return nil }
        position += 1
        return Int64(bytes[position - 1] - UInt8(ascii: "0"))
    }

    mutating func number(digits: Int) -> Int64? {
        var value: Int64 = 0
        for _ in 0..<digits {
            guard let digit = digit() else { return nil }
            value = value * 10 + digit
        }
        return value
    }

    /// Seconds and their fraction.
    struct Seconds {
        var seconds: Int64 = 0
        var milliseconds: Int64 = 0
        /// Not so little as a digit below a millisecond is there.
        var isZero = true
    }

    /// Zero where they are left out; those of the basic format have no colon before them.
    mutating func seconds(afterColon: Bool) -> Seconds? {
        guard afterColon ? consume(":") : isAtDigit else { return Seconds() }
        guard let seconds = number(digits: 2) else { return nil }
        var read = Seconds(seconds: seconds, isZero: seconds == 0)
        guard consume(".") || consume(",") else { return read }
        guard isAtDigit else { return nil }
        var weight: Int64 = 100
        while let digit = digit() {
            read.milliseconds += digit * weight
            weight /= 10
            if digit != 0 { read.isZero = false }
        }
        return read
    }

    mutating func offsetInMinutes() -> Int64? {
        if consume("Z") || consume("z") { return 0 }
        let sign: Int64
        if consume("+") { sign = 1 } else if consume("-") || consumeMinusSign() { sign = -1 } else { return nil }
        guard let hours = number(digits: 2), hours <= 23 else { return nil }
        let hasMinutes = consume(":") || isAtDigit
        guard let minutes = hasMinutes ? number(digits: 2) : 0, minutes <= 59 else { return nil }
        return sign * (hours * 60 + minutes)
    }

    /// U+2212, as ISO 8601 would have it.
    private mutating func consumeMinusSign() -> Bool {
        guard bytes[position...].starts(with: "\u{2212}".utf8) else { return false }
        position += 3
        return true
    }

    /// Passes over the name of a zone in brackets: the offset before it has said what it means.
    mutating func isAtEndBehindZone() -> Bool {
        guard consume("[") else { return isAtEnd }
        let name = bytes[position...].prefix { $0.isASCIILetterOrDigit || "_+-/.".utf8.contains($0) }
        position += name.count
        return (1...64).contains(name.count) && consume("]") && isAtEnd
    }
}
