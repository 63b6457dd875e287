/// A message as somebody may read it: scalar by scalar, each with its range in the message as it came.
struct SpelledText {
    let scalars: [Unicode.Scalar]
    /// What each counts as.
    let plain: [Unicode.Scalar?]
    private let ranges: [Range<Int>]

    init(_ message: String) {
        let scalars = Array(message.unicodeScalars)
        self.init(scalars, ranges: scalars.indices.map { $0..<($0 + 1) })
    }

    private init(_ scalars: [Unicode.Scalar], ranges: [Range<Int>]) {
        self.scalars = scalars
        self.ranges = ranges
        plain = scalars.map(\.plain)
    }

    func isWord(_ index: Int) -> Bool { plain.indices.contains(index) && plain[index] != nil }

    func isDigit(_ index: Int) -> Bool {
        guard isWord(index), let scalar = plain[index] else { return false }
        return ("0"..."9").contains(scalar)
    }

    var hasDigit: Bool { plain.indices.contains(where: isDigit) }

    /// Where a part of it stands in the message; the part is not empty.
    func range(of part: Range<Int>) -> Range<Int> {
        ranges[part.lowerBound].lowerBound..<ranges[part.upperBound - 1].upperBound
    }

    /// The text with every escape in it read, those of JSON, HTML and addresses alike; `nil` if it has none.
    func unescaped() -> SpelledText? {
        var read: [Unicode.Scalar] = []
        var ranges: [Range<Int>] = []
        var position = 0
        while position < scalars.count {
            let escape = escape(at: position)
            let end = escape?.end ?? position + 1
            read.append(escape?.scalar ?? scalars[position])
            ranges.append(range(of: position..<end))
            position = end
        }
        return read.count < scalars.count ? SpelledText(read, ranges: ranges) : nil
    }

    // MARK: Escapes

    private typealias Escape = (scalar: Unicode.Scalar, end: Int)

    private func escape(at start: Int) -> Escape? {
        switch scalars[start] {
        case "&": ofHTML(start)
        case "\\": ofString(start)
        case "%": ofAddress(start)
        case "U" where has("+", at: start + 1), "u" where has("+", at: start + 1):
            number(at: start + 2, digits: 4...4)
        default: nil
        }
    }

    /// `&#65;`, `&#x41;`.
    private func ofHTML(_ start: Int) -> Escape? {
        guard has("#", at: start + 1) else { return nil }
        let isHexadecimal = has("x", at: start + 2) || has("X", at: start + 2)
        let digits = start + (isHexadecimal ? 3 : 2)
        guard let read = number(at: digits, digits: 1...8, radix: isHexadecimal ? 16 : 10) else { return nil }
        return (read.scalar, has(";", at: read.end) ? read.end + 1 : read.end)
    }

    /// `\u0041`, `\u{41}`, `\U00000041`, `\x41`, `\n`, behind any number of backslashes: text may have been escaped more than once.
    private func ofString(_ start: Int) -> Escape? {
        // Looked at from the first one alone, so that many cost no more than their number.
        guard !has("\\", at: start - 1), let letter = scalars[start...].firstIndex(where: { $0 != "\\" }) else {
            return nil
        }
        switch scalars[letter] {
        case "u" where has("{", at: letter + 1):
            guard let read = number(at: letter + 2, digits: 1...8), has("}", at: read.end) else { return nil }
            return (read.scalar, read.end + 1)
        case "u": return number(at: letter + 1, digits: 4...4)
        case "U": return number(at: letter + 1, digits: 8...8)
        case "x": return ofByte(at: letter + 1)
        case "n", "r", "t": return ("\n", letter + 1)
        default: return nil
        }
    }

    /// `%41`, `%u0041`.
    private func ofAddress(_ start: Int) -> Escape? {
        has("u", at: start + 1) ? number(at: start + 2, digits: 4...4) : ofByte(at: start + 1)
    }

    /// A byte beyond ASCII is only part of a scalar.
    private func ofByte(at start: Int) -> Escape? {
        number(at: start, digits: 2...2).flatMap { $0.scalar.isASCII ? $0 : nil }
    }

    private func has(_ scalar: Unicode.Scalar, at index: Int) -> Bool {
        scalars.indices.contains(index) && scalars[index] == scalar
    }

    private func number(at start: Int, digits: ClosedRange<Int>, radix: UInt32 = 16) -> Escape? {
        var value: UInt32 = 0
        var end = start
        while end < scalars.count, end - start < digits.upperBound, scalars[end].isASCII,
            let digit = Character(scalars[end]).hexDigitValue, digit < radix
        {
            // Eight digits of either radix have room.
            value = value * radix + UInt32(digit)
            end += 1
        }
        guard end - start >= digits.lowerBound, let scalar = Unicode.Scalar(value) else { return nil }
        return (scalar, end)
    }
}
