extension [UInt8] {
    /// Appends a whole number as everybody writes it; digits are most of a result, and a `String` for each is most of its cost.
    mutating func appendDecimal(_ value: Int64) {
        var rest = value.magnitude
        if value < 0 { append(UInt8(ascii: "-")) }
        var digits = 1
        while rest >= 10 {
            rest /= 10
            digits += 1
        }
        appendDigits(value.magnitude, count: digits)
    }

    /// Appends the last digits of a number, zeros before it where it has fewer.
    mutating func appendDigits(_ value: UInt64, count digits: Int) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: digits) { text in
            var rest = value
            for index in text.indices.reversed() {
                text.initializeElement(at: index, to: UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
                rest /= 10
            }
            append(contentsOf: text)
        }
    }
}
