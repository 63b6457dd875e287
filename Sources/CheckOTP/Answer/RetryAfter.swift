/// Reads `Retry-After`: a number of seconds, or a date in any form that RFC 9110 (5.6.7) knows.
///
/// A date counts from the `Date` of the same answer, so that the two machines' clocks need not agree; without one, from
/// the wall clock.
enum RetryAfter {
    /// However long the upstream asks for: a longer wait helps nobody, and a mistaken date must not stop the worker for a year.
    static let maximum = Duration.seconds(3600)

    /// Nil if `value` is neither a number of seconds nor a date.
    ///
    /// A date in the past is a wait of zero.
    static func wait(_ value: [UInt8], date: [UInt8]?, wallClock: () -> Int64) -> Duration? {
        if !value.isEmpty, value.allSatisfy(isDigit) {
            // Too many digits for an Int are too long a wait all the same.
            return min(.seconds(Int(String(decoding: value, as: UTF8.self)) ?? .max), maximum)
        }
        let clock = wallClock()
        let now = date.flatMap { HTTPDate.secondsSince1970($0, near: clock) } ?? clock
        guard let until = HTTPDate.secondsSince1970(value, near: now) else { return nil }
        return min(max(.seconds(until - now), .zero), maximum)
    }
}

/// The three forms of a date in HTTP, of which a server writes the first and a client reads all:
/// `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` and `Sun Nov  6 08:49:37 1994`.
enum HTTPDate {
    /// Nil for anything else.
    ///
    /// A year of two digits is near to `now`, in seconds since 1970: never more than 50 years ahead. Without it such a date is left
    /// unread.
    static func secondsSince1970(_ text: [UInt8], near now: Int64? = nil) -> Int64? {
        let parts = text.split(separator: UInt8(ascii: " "))
        switch parts.count {
        case 6 where parts[0].last == UInt8(ascii: ",") && matches(parts[5], "gmt"):
            return seconds(day: parts[1], month: parts[2], year: number(parts[3], digits: 4), time: parts[4])
        case 4 where parts[0].last == UInt8(ascii: ",") && matches(parts[3], "gmt"):
            let date = parts[1].split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
            guard date.count == 3, let year = number(date[2], digits: 2), let now else { return nil }
            return seconds(day: date[0], month: date[1], year: century(of: year, near: now), time: parts[2])
        case 5:
            return seconds(day: parts[2], month: parts[1], year: number(parts[4], digits: 4), time: parts[3])
        default: return nil
        }
    }

    private static func seconds(
        day: ArraySlice<UInt8>,
        month: ArraySlice<UInt8>,
        year: Int64?,
        time: ArraySlice<UInt8>
    ) -> Int64? {
        guard let day = number(day, digits: day.count == 1 ? 1 : 2), (1...31).contains(day),
            let month = months.firstIndex(where: { month.elementsEqual($0.utf8) }),
            let year, (1970...9999).contains(year)
        else { return nil }
        let time = time.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            .map { number($0, digits: 2) }
        guard time.count == 3, let hour = time[0], let minute = time[1], let second = time[2],
            hour < 24, minute < 60, second <= 60
        else { return nil }
        return daysSince1970(year: year, month: Int64(month + 1), day: day) * 86_400 + hour * 3600 + minute * 60
            + second
    }

    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// The latest year with these two digits that is not more than 50 years after now.
    private static func century(of year: Int64, near now: Int64) -> Int64 {
        let latest = 1970 + now / 31_556_952 + 50
        return latest - (latest - year) % 100
    }

    private static func number(_ digits: ArraySlice<UInt8>, digits count: Int) -> Int64? {
        guard digits.count == count, digits.allSatisfy(isDigit) else { return nil }
        return digits.reduce(0) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
    }

    /// Of the proleptic Gregorian calendar, with years that begin in March so that a leap day is the last of its year.
    private static func daysSince1970(year: Int64, month: Int64, day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let era = year / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
