/// Tells whether a text could name a person by a phone or a card number, as a record's key should not.
///
/// It reads a number in more spellings than ``PhoneNumber`` does: better to conceal one key too many than one too few. The digits within
/// a UUID or a hash are no number, because letters follow them.
package enum PersonalNumber {
    /// Text with the number in it, in one word or in several, or in base64; or the number as eight big-endian bytes, as Java writes a
    /// long.
    package static func isFound(in bytes: [UInt8]) -> Bool {
        if bytes.count == 8, bytes[0] == 0 {
            return isPersonal(Array(String(bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }).utf8))
        }
        // A dead letter shows no more of a key.
        let shown = bytes.prefix(DeadLetter.maximumKeyBytes + mostDigits)
        let text = String(decoding: shown, as: UTF8.self)
        if isFound(in: text) { return true }
        let padding = String(repeating: "=", count: (4 - shown.count % 4) % 4)
        return Base64.decode(text + padding).map { isFound(in: String(decoding: $0, as: UTF8.self)) } ?? false
    }

    private static func isFound(in text: String) -> Bool {
        numbers(text).contains { words in
            words.indices.contains { first in
                // Any words side by side may be the groups of one number.
                var digits: [UInt8] = []
                for word in words[first...] {
                    digits += word
                    if digits.count > mostDigits { return false }
                    if isPersonal(digits) { return true }
                }
                return false
            }
        }
    }

    /// Of a card's number; a phone's has fewer, whatever stands before it.
    private static let mostDigits = 19

    /// The digits at the ends of words, those together that have no other word between them.
    ///
    /// Whatever is neither letter nor digit divides words, seen or not. Letters may stand directly before a number, as in `TR532…`, but
    /// not behind it.
    private static func numbers(_ text: String) -> [[[UInt8]]] {
        var numbers: [[[UInt8]]] = [[]]
        var word: [UInt8] = []
        // Of digits and letters and digits, as a hash has them: it is no group of what comes next.
        var isMixed = false
        func endWord() {
            if !word.isEmpty { numbers[numbers.count - 1].append(word) }
            if isMixed { numbers.append([]) }
            word = []
            isMixed = false
        }
        for scalar in text.unicodeScalars {
            if let digit = digit(scalar) {
                word.append(UInt8(ascii: "0") + digit)
            } else if scalar.properties.isAlphabetic, !Visibility.isInvisible(scalar) {
                isMixed = isMixed || !word.isEmpty
                word = []
                if numbers.last?.isEmpty == false { numbers.append([]) }
            } else {
                endWord()
            }
        }
        endWord()
        return numbers
    }

    /// Of whatever script, and in circles and raised too.
    private static func digit(_ scalar: Unicode.Scalar) -> UInt8? {
        if scalar.isASCII { return ("0"..."9").contains(scalar) ? UInt8(scalar.value) - UInt8(ascii: "0") : nil }
        switch scalar.properties.numericType {
        case .decimal?, .digit?: return scalar.properties.numericValue.map { UInt8($0) }
        default: return nil
        }
    }

    private static func isPersonal(_ digits: [UInt8]) -> Bool {
        guard digits.count >= 10 else { return false }
        return PhoneNumber(normalising: String(decoding: digits, as: UTF8.self)) != nil
            || (13...mostDigits).contains(digits.count) && hasCheckDigit(digits)
    }

    /// Luhn's, which every card number has.
    private static func hasCheckDigit(_ digits: [UInt8]) -> Bool {
        let sum = digits.reversed().enumerated().reduce(0) { sum, entry in
            let digit = Int(entry.element - UInt8(ascii: "0"))
            let doubled = entry.offset % 2 == 1 ? digit * 2 : digit
            return sum + (doubled > 9 ? doubled - 9 : doubled)
        }
        return sum % 10 == 0
    }
}
