/// The upstream's message without the code and the phone: each is replaced by `***`, and the rest cut to 512 bytes.
///
/// The code is replaced where it stands as a word of its own, whatever its case and its letters' width, and anywhere if it has four or
/// more characters and a digit among them (fewer would tear ordinary words and numbers apart). One of four or more characters goes
/// also spaced, reversed, escaped, in base64 and in hexadecimal. The phone is replaced in any grouping and with any prefix, reversed,
/// escaped and encoded too; so are six of its digits in a row, and four that stand alone.
package func scrub(_ message: String, phone: PhoneNumber, code: OTPCode) -> String {
    let scrubber = Scrubber(phone: phone, code: code)
    return truncate(scrubber.scrubbed(message), toBytes: 512)
}

/// Scrubs the messages of one upstream, most of whose answers carry one of a few.
///
/// What it remembers are messages in which no digits can be read, so none of them holds a phone or a code.
package struct MessageScrubber: Sendable {
    private static let most = 16
    /// Bytes of each.
    private static let longest = 256

    private var harmless: [String] = []

    package init() {}

    /// The same as the function of that name.
    package mutating func scrub(_ message: String, phone: PhoneNumber, code: OTPCode) -> String {
        guard code.isLongNumber, message.utf8.count <= Self.longest else {
            return OTPContract.scrub(message, phone: phone, code: code)
        }
        if harmless.contains(where: message.hasSameBytes) { return message }
        guard !Scrubber.mayHoldDigits(message) else { return OTPContract.scrub(message, phone: phone, code: code) }
        if harmless.count == Self.most { harmless.removeFirst() }
        harmless.append(message)
        return message
    }
}

extension OTPCode {
    /// It is made of digits, and of so many that it is looked for in every disguise.
    fileprivate var isLongNumber: Bool {
        revealed.utf8.count >= Scrubber.longCode
            && revealed.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }
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

extension Unicode.Scalar {
    /// The same letter or digit as everybody writes it: lower case, of common width, in Western digits; the Turkish dotted capital and
    /// dotless small i count as i.
    ///
    /// `nil` for what is neither letter nor digit, or cannot be seen.
    package var plain: Unicode.Scalar? {
        switch self {
        case "0"..."9", "a"..."z": return self
        case "A"..."Z": return Unicode.Scalar(UInt8(ascii: self) | 0x20)
        case "\u{130}", "\u{131}": return "i"
        case "\u{ff21}"..."\u{ff3a}", "\u{ff41}"..."\u{ff5a}":
            return Unicode.Scalar(UInt8(truncatingIfNeeded: value - 0xff20) & 0x1f | 0x60)
        case "\0"..."\u{7f}": return nil
        default:
            if properties.numericType == .decimal, let digit = properties.numericValue {
                return Unicode.Scalar(UInt8(ascii: "0") + UInt8(digit))
            }
            return properties.isAlphabetic && !Visibility.isInvisible(self) ? self : nil
        }
    }
}

private struct Scrubber {
    private let code: [Unicode.Scalar]
    private let phone: [Unicode.Scalar]
    /// The ten digits alone, and behind each country prefix; and backwards.
    private let phones: [[Unicode.Scalar]]
    private let codeMayBeInsideAWord: Bool
    /// The code as it may stand with something between its characters, and backwards; none of a short one, which is looked for only as
    /// it is.
    private let disguises: [[Unicode.Scalar]]
    private let encodings: EncodedSecrets

    init(phone: PhoneNumber, code: OTPCode) {
        let digits = Array(phone.revealed.unicodeScalars)
        self.phone = digits
        phones = ["0090", "90", "0", ""].map { Array($0.unicodeScalars) + digits } + [digits.reversed()]
        self.code = code.revealed.unicodeScalars.compactMap(\.plain)
        let isCodeLong = self.code.count >= Self.longCode
        disguises = isCodeLong ? [self.code, self.code.reversed()] : []
        codeMayBeInsideAWord = isCodeLong && self.code.contains(where: Self.isDigit)
        encodings = EncodedSecrets(code: code.revealed, phone: phone.revealed, isCodeLong: isCodeLong)
    }

    /// Characters of a code that is looked for in every disguise.
    static let longCode = 4
    /// How often escapes are read: one may stand within another, `%5Cu0041`.
    private static let escapeLevels = 3

    /// Whether anything made of digits could be read out of a message, whichever they are: if not, neither a phone nor a long code of
    /// digits is in it.
    static func mayHoldDigits(_ message: String) -> Bool {
        var text = SpelledText(message)
        for _ in 0...escapeLevels {
            if text.hasDigit || EncodedSecrets.mayHoldDigits(in: text.scalars) { return true }
            guard let inner = text.unescaped() else { return false }
            text = inner
        }
        return false
    }

    func scrubbed(_ message: String) -> String {
        var text = SpelledText(message)
        let scalars = text.scalars
        var ranges = ranges(in: text)
        // What looks like an escape may be none, so the text is looked at before it is read and after.
        for _ in 0..<Self.escapeLevels {
            guard let inner = text.unescaped() else { break }
            text = inner
            ranges += self.ranges(in: text)
        }
        guard !ranges.isEmpty else { return message }
        var kept = String.UnicodeScalarView()
        var copied = 0
        for range in Self.merged(ranges) {
            kept.append(contentsOf: scalars[copied..<range.lowerBound])
            kept.append(contentsOf: "***".unicodeScalars)
            copied = range.upperBound
        }
        kept.append(contentsOf: scalars[copied...])
        return String(kept)
    }

    /// In order, and none over another.
    private static func merged(_ ranges: [Range<Int>]) -> [Range<Int>] {
        var merged: [Range<Int>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = merged.last, range.lowerBound < last.upperBound {
                merged[merged.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        return merged
    }

    /// What must not be seen of a text, by its ranges in the message.
    private func ranges(in text: SpelledText) -> [Range<Int>] {
        var encoded = encodings.ranges(in: text.scalars)[...]
        var ranges: [Range<Int>] = []
        var position = 0
        var looked = 0
        while position < text.scalars.count {
            while let first = encoded.first, first.upperBound <= position { encoded.removeFirst() }
            let found = encoded.first.flatMap { $0.contains(position) ? $0.upperBound : nil }
            if let end = found ?? endOfPhone(in: text, from: position) ?? endOfCode(in: text, from: position) {
                let isInternational =
                    position > looked && text.scalars[position - 1] == "+" && text.isDigit(position)
                ranges.append(text.range(of: (isInternational ? position - 1 : position)..<end))
                position = end
                looked = end
            } else {
                position += 1
            }
        }
        return ranges
    }

    // MARK: The phone

    private func endOfPhone(in text: SpelledText, from start: Int) -> Int? {
        guard text.isDigit(start) else { return nil }
        for digits in phones {
            if let end = end(of: digits, in: text, from: start) { return end }
        }
        return endOfPartOfPhone(in: text, from: start)
    }

    /// The longest run of the phone's digits that begins here, if it is long enough to tell.
    private func endOfPartOfPhone(in text: SpelledText, from start: Int) -> Int? {
        var best: (count: Int, end: Int)?
        for first in phone.indices where phone[first] == text.plain[start] {
            var end = start + 1
            var count = 1
            while first + count < phone.count {
                guard let next = step(to: phone[first + count], in: text, from: end) else { break }
                end = next
                count += 1
            }
            if count > best?.count ?? 0 { best = (count, end) }
        }
        guard let best else { return nil }
        let standsAlone = !text.isWord(start - 1) && !text.isWord(best.end)
        return best.count >= 6 || (best.count >= 4 && standsAlone) ? best.end : nil
    }

    // MARK: The code

    private func endOfCode(in text: SpelledText, from start: Int) -> Int? {
        guard text.isWord(start) else { return nil }
        let end = start + code.count
        if end <= text.plain.count, code.indices.allSatisfy({ text.plain[start + $0] == code[$0] }),
            codeMayBeInsideAWord || standsAlone(start..<end, in: text)
        {
            return end
        }
        for disguised in disguises {
            guard let end = self.end(of: disguised, in: text, from: start) else { continue }
            if codeMayBeInsideAWord || standsAlone(start..<end, in: text) { return end }
        }
        return nil
    }

    private func standsAlone(_ range: Range<Int>, in text: SpelledText) -> Bool {
        !text.isWord(range.lowerBound - 1) && !text.isWord(range.upperBound)
    }

    // MARK: Runs

    /// At most this many separators, all that is neither letter nor digit or cannot be seen, may stand between two characters.
    private static let separatorsInARow = 16

    private func end(of run: [Unicode.Scalar], in text: SpelledText, from start: Int) -> Int? {
        guard text.plain[start] == run.first else { return nil }
        var position = start + 1
        for scalar in run.dropFirst() {
            guard let next = step(to: scalar, in: text, from: position) else { return nil }
            position = next
        }
        return position
    }

    private func step(to scalar: Unicode.Scalar, in text: SpelledText, from start: Int) -> Int? {
        var position = start
        while position < text.plain.count, position - start < Self.separatorsInARow, text.plain[position] == nil {
            position += 1
        }
        guard position < text.plain.count, text.plain[position] == scalar else { return nil }
        return position + 1
    }

    private static func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }
}
