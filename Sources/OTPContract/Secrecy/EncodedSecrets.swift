/// Finds a code and a phone number in base64 and in hexadecimal, forwards and backwards.
///
/// It knows no other text: whatever else an encoding holds goes with them.
struct EncodedSecrets {
    private let code: String
    private let phone: [UInt8]
    private let isCodeLong: Bool
    /// In lower case, as bytes.
    private let secrets: [[UInt8]]

    init(code: String, phone: String, isCodeLong: Bool) {
        self.code = code
        self.phone = Array(phone.utf8)
        self.isCodeLong = isCodeLong
        let forwards = [self.phone] + (isCodeLong ? [Array(code.lowercased().utf8)] : [])
        secrets = forwards + forwards.map { $0.reversed() }
    }

    /// Where they stand, in order; may overlap.
    func ranges(in text: [Unicode.Scalar]) -> [Range<Int>] {
        var ranges = text.indices.compactMap { start in endOfHexadecimal(in: text, from: start).map { start..<$0 } }
        // Most messages have no word that is long enough, and are looked at for every command.
        let lines = Self.lines(of: text).filter { $0.sextets.count >= (isCodeLong ? Self.fewestSextets : 1) }
        if !lines.isEmpty {
            let patterns = Patterns(code: code, phone: phone, isCodeLong: isCodeLong)
            for lines in lines { ranges += patterns.ranges(in: lines) }
        }
        return ranges.sorted { $0.lowerBound < $1.lowerBound }
    }

    /// Of a pattern: four bytes, behind one, decide so many for themselves.
    private static let fewestSextets = 4

    /// Whether digits, and which is no matter, could stand in the text's base64, if there are four of them at least.
    ///
    /// In hexadecimal they cannot without a digit.
    static func mayHoldDigits(in text: [Unicode.Scalar]) -> Bool {
        lines(of: text).contains { line in
            guard line.sextets.count >= fewestSextets else { return false }
            return (0...(line.sextets.count - fewestSextets)).contains { start in
                let bits = line.sextets[start..<(start + fewestSextets)].reduce(UInt32(0)) { $0 << 6 | UInt32($1) }
                return areDigits(bits)
            }
        }
    }

    /// Whether so many sextets can be of digits, which begin with the first bit, or four or six bits before it.
    private static func areDigits(_ bits: UInt32) -> Bool {
        func isDigit(_ shift: UInt32) -> Bool { (0x30...0x39).contains(bits >> shift & 0xff) }
        return isDigit(16) && isDigit(8) && isDigit(0)
            || bits >> 20 <= 9 && isDigit(12) && isDigit(4) && bits & 0xf == 3
            || (0x30...0x39).contains(bits >> 18) && isDigit(10) && isDigit(2) && bits & 3 == 0
    }

    /// What to look for in base64.
    private struct Patterns {
        /// What is surely in base64 that holds a secret, wherever it begins there; as sextets.
        private let inside: [[UInt8]]
        /// The whole base64 of a code that is too short to be looked for within other bytes.
        private let exact: [[UInt8]]

        init(code: String, phone: [UInt8], isCodeLong: Bool) {
            var spellings = [Array(code.utf8)]
            for spelling in [code.lowercased(), code.uppercased()] where spelling != code {
                spellings.append(Array(spelling.utf8))
            }
            inside = (isCodeLong ? spellings + [phone] : [phone]).flatMap { secret in
                (0..<3).flatMap {
                    [EncodedSecrets.sextets(secret, after: $0), EncodedSecrets.sextets(secret.reversed(), after: $0)]
                }
            }
            exact = isCodeLong ? [] : spellings.map { EncodedSecrets.sextets($0, after: 0, whole: true) }
        }

        /// The words in which a secret stands, whole.
        func ranges(in lines: Lines) -> [Range<Int>] {
            var ranges: [Range<Int>] = []
            var start = 0
            for word in lines.words.indices where !exact.isEmpty {
                let end = lines.owners[start...].firstIndex { $0 != word } ?? lines.owners.count
                if exact.contains(where: lines.sextets[start..<end].elementsEqual) { ranges.append(lines.words[word]) }
                start = end
            }
            for start in lines.sextets.indices {
                for pattern in inside where lines.sextets[start] == pattern[0] {
                    guard lines.sextets[start...].starts(with: pattern) else { continue }
                    let last = lines.words[lines.owners[start + pattern.count - 1]]
                    ranges.append(lines.words[lines.owners[start]].lowerBound..<last.upperBound)
                }
            }
            return ranges
        }
    }

    // MARK: Base64

    private static let none: UInt8 = 0xff

    /// Words that may be base64, with nothing between but what breaks its lines.
    private struct Lines {
        /// Where they are in the text, padding included.
        var words: [Range<Int>] = []
        var sextets: [UInt8] = []
        /// The word of each sextet.
        var owners: [Int] = []
    }

    private static func lines(of text: [Unicode.Scalar]) -> [Lines] {
        let sextets = text.map(sextet)
        var all: [Lines] = []
        var lines = Lines()
        var position = 0
        while position < text.count {
            var isOver = true
            if sextets[position] != none {
                let end = sextets[position...].firstIndex(of: none) ?? text.count
                let padded = text[end...].firstIndex { $0 != "=" } ?? text.count
                lines.sextets += sextets[position..<end]
                lines.owners += repeatElement(lines.words.count, count: end - position)
                lines.words.append(position..<padded)
                position = padded
                isOver = padded > end
            } else {
                isOver = !text[position].properties.isWhitespace && !Visibility.isInvisible(text[position])
                position += 1
            }
            if isOver {
                all.append(lines)
                lines = Lines()
            }
        }
        return all + [lines]
    }

    /// Of either alphabet.
    private static func sextet(_ scalar: Unicode.Scalar) -> UInt8 {
        switch scalar {
        case "A"..."Z": UInt8(scalar.value) - 0x41
        case "a"..."z": UInt8(scalar.value) - 0x61 + 26
        case "0"..."9": UInt8(scalar.value) - 0x30 + 52
        case "+", "-": 62
        case "/", "_": 63
        default: none
        }
    }

    /// The sextets that bytes alone decide when so many others, up to two, come before them in a group of three; `whole`: the last one too, as
    /// it is where nothing follows.
    private static func sextets(_ bytes: [UInt8], after before: Int, whole: Bool = false) -> [UInt8] {
        var sextets: [UInt8] = []
        var bits: UInt32 = 0
        // What comes before fills its own sextets and part of the next.
        var count = before * 8 % 6
        var isOurs = count == 0
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            count += 8
            while count >= 6 {
                count -= 6
                if isOurs { sextets.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)) & 63) }
                isOurs = true
            }
        }
        if whole, count > 0 { sextets.append(UInt8(truncatingIfNeeded: bits << UInt32(6 - count)) & 63) }
        return sextets
    }

    // MARK: Hexadecimal

    /// `41525432`, `41 52 54 32`, `41:52…`, `0x41 0x52…`, `%41%52…`, `\x41\x52…`.
    private func endOfHexadecimal(in text: [Unicode.Scalar], from start: Int) -> Int? {
        guard let (first, next) = Self.byte(in: text, from: start, isFirst: true) else { return nil }
        for secret in secrets where secret[0] == Self.lowered(first) {
            var position = next
            var isSame = true
            for wanted in secret.dropFirst() {
                guard let (byte, end) = Self.byte(in: text, from: position, isFirst: false),
                    Self.lowered(byte) == wanted
                else {
                    isSame = false
                    break
                }
                position = end
            }
            if isSame { return position }
        }
        return nil
    }

    private static func byte(in text: [Unicode.Scalar], from start: Int, isFirst: Bool) -> (UInt8, end: Int)? {
        var position = start
        if !isFirst {
            while position < text.count, position - start < separatorsInARow, text[position].plain == nil {
                position += 1
            }
        } else if position < text.count, text[position] == "%" || text[position] == "\\" {
            position += 1
        }
        if position + 3 < text.count, text[position] == "0", text[position + 1] == "x" {
            position += 2
        } else if position + 2 < text.count, position > start, text[position] == "x" {
            position += 1
        }
        guard position + 1 < text.count, let high = nibble(text[position]), let low = nibble(text[position + 1]) else {
            return nil
        }
        return (high << 4 | low, position + 2)
    }

    /// Between two bytes.
    private static let separatorsInARow = 10

    private static func nibble(_ scalar: Unicode.Scalar) -> UInt8? {
        switch scalar {
        case "0"..."9": UInt8(scalar.value - 0x30)
        case "a"..."f": UInt8(scalar.value - 0x61 + 10)
        case "A"..."F": UInt8(scalar.value - 0x41 + 10)
        default: nil
        }
    }

    private static func lowered(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}
