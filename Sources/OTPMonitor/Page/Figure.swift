package import OTPContract

/// Numbers and times as people read them.
package enum Figure {
    package static func grouped(_ number: Int) -> String {
        var digits = String(number.magnitude)
        var groups: [String] = []
        while digits.count > 3 {
            groups.insert(String(digits.suffix(3)), at: 0)
            digits.removeLast(3)
        }
        return (number < 0 ? "-" : "") + ([digits] + groups).joined(separator: ",")
    }

    /// With a decimal where it is small.
    package static func rate(_ value: Double) -> String {
        value >= 100 || value == 0 ? grouped(Int(value.rounded())) : decimal(value)
    }

    /// `0.4 %`, `12 %`.
    package static func percent(_ share: Double) -> String {
        (share * 100 >= 10 || share == 0 ? "\(Int((share * 100).rounded()))" : decimal(share * 100)) + " %"
    }

    /// `340 ms`, `2.5 s`, `3 min`.
    package static func time(_ milliseconds: Int64) -> String {
        switch milliseconds {
        case ..<1_000: "\(milliseconds) ms"
        case ..<120_000: decimal(Double(milliseconds) / 1_000) + " s"
        default: grouped(Int(milliseconds / 60_000)) + " min"
        }
    }

    package static func ago(_ seconds: Int64) -> String {
        switch seconds {
        case ..<1: "now"
        case ..<120: "\(seconds) s ago"
        case ..<7_200: "\(seconds / 60) min ago"
        default: "\(seconds / 3_600) h ago"
        }
    }

    /// `10:00:05`, UTC.
    package static func clock(_ time: WallTime) -> String { String(time.iso8601.dropFirst(11).prefix(8)) }

    /// `10:00`, UTC.
    package static func minute(_ time: WallTime) -> String { String(time.iso8601.dropFirst(11).prefix(5)) }

    static func decimal(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return grouped(tenths / 10) + ".\(tenths % 10)"
    }
}
