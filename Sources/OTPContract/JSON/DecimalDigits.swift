extension [UInt8] {
    /// Appends a whole number as everybody writes it; digits are most of a result, and a `String` for each is most of its cost.
    mutating func appendDecimal(_ value: Int64) {
        // The longest: a sign and the digits of 2^63.
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { text in
            var start = text.endIndex
            func prepend(_ byte: UInt8) {
                start -= 1
                text.initializeElement(at: start, to: byte)
            }
            var rest = value.magnitude
            repeat {
                prepend(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
                rest /= 10
            } while rest > 0
            if value < 0 { prepend(UInt8(ascii: "-")) }
            append(contentsOf: text[start...])
        }
    }
}
