/// Reads `Retry-After` in both its forms.
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
        guard let until = secondsSince1970(value) else { return nil }
        let now = date.flatMap(secondsSince1970) ?? wallClock()
        return min(max(.seconds(until - now), .zero), maximum)
    }

    /// `Sun, 06 Nov 1994 08:49:37 GMT`, the one form that RFC 9110 lets a server generate.
    static func secondsSince1970(_ text: [UInt8]) -> Int64? {
        let parts = text.split(separator: UInt8(ascii: " "))
        guard parts.count == 6, parts[0].last == UInt8(ascii: ","), matches(parts[5], "gmt"),
            let day = number(parts[1]), (1...31).contains(day),
            let month = months.firstIndex(where: { parts[2].elementsEqual($0.utf8) }),
            let year = number(parts[3]), (1970...9999).contains(year)
        else { return nil }
        let time = parts[4].split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false).map(number)
        guard time.count == 3, let hour = time[0], let minute = time[1], let second = time[2],
            hour < 24, minute < 60, second <= 60
        else { return nil }
        return daysSince1970(year: year, month: Int64(month + 1), day: day) * 86_400 + hour * 3600 + minute * 60
            + second
    }

    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
        guard (1...4).contains(digits.count), digits.allSatisfy(isDigit) else { return nil }
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
