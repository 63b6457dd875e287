/// Finds a code and a phone number in base64 and in hexadecimal.
///
/// It knows no other text: whatever else an encoding holds goes with them.
struct EncodedSecrets {
    /// In lower case, as bytes.
    private let secrets: [[UInt8]]
    /// What is surely in base64 that holds one of them, wherever it begins there; as sextets.
    private let patterns: [[UInt8]]
    /// The whole base64 of a code that is too short to be looked for within other bytes.
    private let exact: [[UInt8]]

    init(code: String, phone: String, isCodeLong: Bool) {
        let phone = Array(phone.utf8)
        var spellings = [Array(code.utf8)]
        for spelling in [code.lowercased(), code.uppercased()] where spelling != code {
            spellings.append(Array(spelling.utf8))
        }
        secrets = [phone] + (isCodeLong ? [Array(code.lowercased().utf8)] : [])
        patterns = (isCodeLong ? spellings + [phone] : [phone]).flatMap { secret in
            (0..<3).map { Self.sextets(secret, after: $0) }
        }
        exact = isCodeLong ? [] : spellings.map { Self.sextets($0, after: 0, whole: true) }
    }

    /// Where they stand, in order; may overlap.
    func ranges(in text: [Unicode.Scalar]) -> [Range<Int>] {
        let sextets = text.map(Self.sextet)
        var ranges: [Range<Int>] = []
        for start in text.indices {
            if let end = endOfHexadecimal(in: text, from: start) { ranges.append(start..<end) }
            // Each run is looked at from its beginning.
            guard sextets[start] != Self.none, start == 0 || sextets[start - 1] == Self.none else { continue }
            let run = start..<(sextets[start...].firstIndex(of: Self.none) ?? text.count)
            guard isSecret(sextets[run]) else { continue }
            ranges.append(start..<(text[run.upperBound...].firstIndex { $0 != "=" } ?? text.count))
        }
        return ranges
    }

    // MARK: Base64

    private static let none: UInt8 = 0xff

    private func isSecret(_ run: ArraySlice<UInt8>) -> Bool {
        for pattern in exact where run.elementsEqual(pattern) { return true }
        for pattern in patterns where run.count >= pattern.count {
            for start in run.startIndex...(run.endIndex - pattern.count) where run[start] == pattern[0] {
                if run[start...].starts(with: pattern) { return true }
            }
        }
        return false
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
            while position < text.count, position - start < 3, separatesBytes(text[position]) { position += 1 }
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

    private static func separatesBytes(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case " ", ":", "-", ",", ";", "%", "\\": true
        default: false
        }
    }

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
