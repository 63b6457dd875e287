/// Finds the functions of a Swift file by their braces.
///
/// It takes code without comments and literals, see `SwiftText`.
struct Functions {
    struct Function: Equatable {
        var name: String
        /// Of the declaration and of the closing brace, counted from 1.
        var firstLine: Int
        var lastLine: Int
    }

    private static let heads: Set = ["func", "init", "deinit", "subscript"]
    /// A keyword that starts another declaration: what came before it had no body.
    private static let others: Set = [
        "var", "let", "case", "struct", "class", "enum", "protocol", "extension", "typealias",
    ]

    private let bytes: [UInt8]
    private var position = 0
    private var line = 1
    private var found: [Function] = []
    /// Functions whose body is open, with the depth of braces outside it.
    private var open: [(function: Function, depth: Int)] = []
    private var pending: Function?
    private var braces = 0
    private var brackets = 0
    private var previous: UInt8 = 0

    static func all(inCode code: String) -> [Function] {
        var scanner = Functions(bytes: Array(code.utf8))
        while scanner.position < scanner.bytes.count { scanner.step() }
        return scanner.found
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    private mutating func step() {
        let byte = bytes[position]
        if Self.isWord(byte) {
            word()
            return
        }
        switch byte {
        case UInt8(ascii: "\n"): line += 1
        case UInt8(ascii: "("), UInt8(ascii: "["): brackets += 1
        case UInt8(ascii: ")"), UInt8(ascii: "]"): brackets -= 1
        case UInt8(ascii: "{"): openBrace()
        case UInt8(ascii: "}"): closeBrace()
        default: break
        }
        if byte != UInt8(ascii: " ") && byte != UInt8(ascii: "\n") { previous = byte }
        position += 1
    }

    private mutating func word() {
        let start = position
        while position < bytes.count, Self.isWord(bytes[position]) { position += 1 }
        let word = String(decoding: bytes[start..<position], as: UTF8.self)
        let isMember = previous == UInt8(ascii: ".")
        previous = UInt8(ascii: "a")
        guard !isMember else { return }
        if Self.heads.contains(word) {
            pending = Function(name: word == "func" ? nextWord() : word, firstLine: line, lastLine: line)
            pendingBrackets = brackets
        } else if Self.others.contains(word), brackets == pendingBrackets {
            pending = nil
        }
    }

    /// The depth of brackets at which the pending function was declared; its body opens at the same.
    private var pendingBrackets = 0

    private mutating func openBrace() {
        if let function = pending, brackets == pendingBrackets {
            open.append((function, braces))
            pending = nil
        }
        braces += 1
    }

    private mutating func closeBrace() {
        braces -= 1
        if brackets == pendingBrackets { pending = nil }
        if let last = open.last, last.depth == braces {
            open.removeLast()
            var function = last.function
            function.lastLine = line
            found.append(function)
        }
    }

    private func nextWord() -> String {
        let rest = bytes[position...].drop { $0 == UInt8(ascii: " ") }
        return String(decoding: rest.prefix { $0 != UInt8(ascii: "(") && $0 != UInt8(ascii: "<") }, as: UTF8.self)
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...:
            true
        default: false
        }
    }
}
