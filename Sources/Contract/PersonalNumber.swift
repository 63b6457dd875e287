/// Tells whether a text could name a person by a phone or a card number, as a record's key should not.
///
/// It looks at whole words: the digits within a UUID or a hash are no number.
package enum PersonalNumber {
    /// Text with the number in it, in one word or in several; or the number as eight big-endian bytes, as Java writes a long.
    package static func isFound(in bytes: [UInt8]) -> Bool {
        if bytes.count == 8, bytes[0] == 0 {
            return isPersonal(String(bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }))
        }
        return numbers(String(decoding: bytes, as: UTF8.self)).contains { words in
            words.contains(where: isPersonal) || isPersonal(words.joined())
        }
    }

    /// Words of nothing but digits, those together that stand side by side with only a number's own signs between.
    private static func numbers(_ text: String) -> [[String]] {
        var numbers: [[String]] = [[]]
        var word = ""
        var isNumber = true
        func end(of text: inout [[String]]) {
            if !isNumber { text.append([]) } else if !word.isEmpty { text[text.count - 1].append(word) }
            word = ""
            isNumber = true
        }
        for scalar in text.unicodeScalars {
            if scalar.properties.numericType == .decimal, let digit = scalar.properties.numericValue {
                // Of whatever script.
                word += "\(Int(digit))"
            } else if scalar.properties.isAlphabetic {
                isNumber = false
            } else {
                end(of: &numbers)
                if !signs.contains(scalar), !scalar.properties.isWhitespace { numbers.append([]) }
            }
        }
        end(of: &numbers)
        return numbers
    }

    /// Written within a number, and no part of it.
    private static let signs: Set<Unicode.Scalar> = ["+", "-", ".", "(", ")", "/"]

    private static func isPersonal(_ digits: String) -> Bool {
        PhoneNumber(normalising: digits) != nil || (13...19).contains(digits.utf8.count) && hasCheckDigit(digits)
    }

    /// Luhn's, which every card number has.
    private static func hasCheckDigit(_ digits: String) -> Bool {
        let sum = digits.utf8.reversed().enumerated().reduce(0) { sum, entry in
            let digit = Int(entry.element - UInt8(ascii: "0"))
            let doubled = entry.offset % 2 == 1 ? digit * 2 : digit
            return sum + (doubled > 9 ? doubled - 9 : doubled)
        }
        return sum % 10 == 0
    }
}
