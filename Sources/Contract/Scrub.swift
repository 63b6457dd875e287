/// The upstream's message without the code and the phone: each is replaced by `***`, and the rest cut to 512 bytes.
///
/// The code is replaced where it stands as a word of its own, whatever its case, and anywhere if it has four or more
/// characters and a digit among them (fewer would tear ordinary words and numbers apart). The phone is replaced in any grouping
/// and with any prefix.
package func scrub(_ message: String, phone: PhoneNumber, code: OTPCode) -> String {
    let scrubber = Scrubber(phone: phone, code: code)
    return truncate(scrubber.scrubbed(message), toBytes: 512)
}

private func truncate(_ text: String, toBytes limit: Int) -> String {
    guard text.utf8.count > limit else { return text }
    var end = text.startIndex
    var size = 0
    for index in text.indices {
        size += text[index].utf8.count
        guard size <= limit else { break }
        end = text.index(after: index)
    }
    return String(text[..<end])
}

private struct Scrubber {
    /// The ten digits alone, and behind each country prefix.
    private let phones: [[Unicode.Scalar]]
    private let code: [Unicode.Scalar]
    private let codeMayBeInsideAWord: Bool

    init(phone: PhoneNumber, code: OTPCode) {
        phones = ["", "0", "90", "+90", "0090"].map { Array(($0 + phone.revealed).unicodeScalars) }
        self.code = code.revealed.unicodeScalars.map(Self.folded)
        codeMayBeInsideAWord = self.code.count >= 4 && self.code.contains(where: Self.isDigit)
    }

    func scrubbed(_ message: String) -> String {
        let text = Array(message.unicodeScalars)
        var kept = String.UnicodeScalarView()
        var position = 0
        var copied = 0
        while position < text.count {
            if let end = endOfPhone(in: text, from: position) ?? endOfCode(in: text, from: position) {
                kept.append(contentsOf: text[copied..<position])
                kept.append(contentsOf: "***".unicodeScalars)
                position = end
                copied = end
            } else {
                position += 1
            }
        }
        guard copied > 0 else { return message }
        kept.append(contentsOf: text[copied...])
        return String(kept)
    }

    private func endOfPhone(in text: [Unicode.Scalar], from start: Int) -> Int? {
        guard Self.isDigit(text[start]) || text[start] == "+" else { return nil }
        for digits in phones {
            if let end = endOfRun(digits, in: text, from: start) { return end }
        }
        return nil
    }

    /// At most this many separators may stand between two digits, as in `(0532) - 481`.
    private static let separatorsInARow = 4

    private func endOfRun(_ run: [Unicode.Scalar], in text: [Unicode.Scalar], from start: Int) -> Int? {
        var position = start
        for (index, scalar) in run.enumerated() {
            var separators = 0
            while index > 0, position < text.count, text[position].separatesDigits, separators < Self.separatorsInARow {
                position += 1
                separators += 1
            }
            guard position < text.count, text[position] == scalar else { return nil }
            position += 1
        }
        return position
    }

    private func endOfCode(in text: [Unicode.Scalar], from start: Int) -> Int? {
        let end = start + code.count
        guard end <= text.count, code.indices.allSatisfy({ Self.folded(text[start + $0]) == code[$0] }) else {
            return nil
        }
        if codeMayBeInsideAWord { return end }
        let startsWord = start == 0 || !Self.isWord(text[start - 1])
        let endsWord = end == text.count || !Self.isWord(text[end])
        return startsWord && endsWord ? end : nil
    }

    /// Lower case; the Turkish dotted capital and dotless small i count as i.
    private static func folded(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        switch scalar {
        case "A"..."Z": Unicode.Scalar(UInt8(ascii: scalar) | 0x20)
        case "\u{130}", "\u{131}": "i"
        default: scalar
        }
    }

    private static func isDigit(_ scalar: Unicode.Scalar) -> Bool {
        ("0"..."9").contains(scalar)
    }

    private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isAlphabetic || isDigit(scalar)
    }
}
