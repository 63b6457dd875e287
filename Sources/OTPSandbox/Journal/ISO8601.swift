/// A point in time as the provider writes it: ISO 8601, seven decimals, Turkey's offset.
enum ISO8601 {
    private static let offsetHours = 3

    /// The time `sinceEpoch` after 1970-01-01T00:00:00Z, in the form `2017-07-17T15:30:15.0581408+03:00`.
    static func text(_ sinceEpoch: Duration) -> String {
        let (whole, attoseconds) = sinceEpoch.components
        let local = Int(whole) + offsetHours * 3600
        let (year, month, day) = civil(daysSinceEpoch: local / 86_400)
        let second = local % 86_400
        let decimals = Int(attoseconds / 100_000_000_000)
        return "\(pad(year, 4))-\(pad(month, 2))-\(pad(day, 2))T\(pad(second / 3600, 2)):\(pad(second / 60 % 60, 2)):"
            + "\(pad(second % 60, 2)).\(pad(decimals, 7))+\(pad(offsetHours, 2)):00"
    }

    private static func pad(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }

    /// Howard Hinnant's `civil_from_days`, for days from 1970 on.
    private static func civil(daysSinceEpoch: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = daysSinceEpoch + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }
}
