/// Swift source with its comments and string literals blanked, byte for byte, so that a rule about code sees only code.
///
/// It is a lexer, not a parser: regex literals are read as code.
struct SwiftText {
    private let bytes: [UInt8]
    private var output: [UInt8]
    private var position = 0

    /// The text with every byte of a comment or literal replaced by a space; line breaks stay.
    static func blanked(_ text: String) -> String {
        var lexer = SwiftText(bytes: Array(text.utf8))
        lexer.code(untilParenthesis: false)
        return String(decoding: lexer.output, as: UTF8.self)
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
        output = bytes
    }

    /// Reads code to the end of the text, or to the parenthesis that closes an interpolation.
    private mutating func code(untilParenthesis: Bool) {
        var depth = 1
        while position < bytes.count {
            if starts(with: "//") {
                while position < bytes.count, bytes[position] != UInt8(ascii: "\n") { blank() }
            } else if starts(with: "/*") {
                blockComment()
            } else if let hashes = literalStart() {
                literal(hashes: hashes)
            } else {
                if bytes[position] == UInt8(ascii: "(") { depth += 1 }
                if bytes[position] == UInt8(ascii: ")") { depth -= 1 }
                if untilParenthesis && depth == 0 { return }
                position += 1
            }
        }
    }

    private mutating func blockComment() {
        var depth = 0
        repeat {
            if starts(with: "/*") {
                depth += 1
                blank(2)
            } else if starts(with: "*/") {
                depth -= 1
                blank(2)
            } else {
                blank()
            }
        } while depth > 0 && position < bytes.count
    }

    /// The number of `#` before the quote, if a string literal starts here.
    private func literalStart() -> Int? {
        var end = position
        while end < bytes.count, bytes[end] == UInt8(ascii: "#") { end += 1 }
        return end < bytes.count && bytes[end] == UInt8(ascii: "\"") ? end - position : nil
    }

    private mutating func literal(hashes: Int) {
        let fence = String(repeating: "#", count: hashes)
        blank(hashes)
        let quotes = starts(with: "\"\"\"") ? "\"\"\"" : "\""
        blank(quotes.utf8.count)
        while position < bytes.count {
            if starts(with: quotes + fence) {
                blank(quotes.utf8.count + hashes)
                return
            }
            if starts(with: "\\" + fence + "(") {
                interpolation(length: 2 + hashes)
            } else if starts(with: "\\" + fence) {
                blank(2 + hashes)
            } else if quotes == "\"" && bytes[position] == UInt8(ascii: "\n") {
                return
            } else {
                blank()
            }
        }
    }

    private mutating func interpolation(length: Int) {
        let start = position
        position += length
        code(untilParenthesis: true)
        let end = min(position + 1, bytes.count)
        position = start
        while position < end { blank() }
    }

    private mutating func blank(_ count: Int = 1) {
        for _ in 0..<count where position < bytes.count {
            if bytes[position] != UInt8(ascii: "\n") { output[position] = UInt8(ascii: " ") }
            position += 1
        }
    }

    private func starts(with text: String) -> Bool {
        var index = position
        for byte in text.utf8 {
            guard index < bytes.count, bytes[index] == byte else { return false }
            index += 1
        }
        return true
    }
}
