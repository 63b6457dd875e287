/// A place in a JSON value, as RFC 6901 writes it: `/card/owner/phone`, `/codes/0`.
package struct JSONPointer: Hashable, Sendable, CustomStringConvertible {
    /// Member names and array indices, the outermost first; none is the whole value.
    package let names: [String]

    /// The member of that name of the outermost object.
    package init(name: String) { names = [name] }

    /// `~1` stands for `/` and `~0` for `~`; `nil` if `text` is no pointer.
    package init?(_ text: String) {
        guard text.isEmpty || text.utf8.first == UInt8(ascii: "/") else { return nil }
        var names: [String] = []
        for part in text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst() {
            var name: [UInt8] = []
            var isEscaped = false
            for byte in part {
                switch (isEscaped, byte) {
                case (false, UInt8(ascii: "~")): break
                case (false, _): name.append(byte)
                case (true, UInt8(ascii: "0")): name.append(UInt8(ascii: "~"))
                case (true, UInt8(ascii: "1")): name.append(UInt8(ascii: "/"))
                case (true, _): return nil
                }
                isEscaped = !isEscaped && byte == UInt8(ascii: "~")
            }
            guard !isEscaped else { return nil }
            names.append(String(decoding: name, as: UTF8.self))
        }
        self.names = names
    }

    package var description: String {
        names.reduce(into: "") { text, name in
            text += "/"
            for character in name.unicodeScalars {
                switch character {
                case "~": text += "~0"
                case "/": text += "~1"
                default: text.unicodeScalars.append(character)
                }
            }
        }
    }

    /// What a name means in an array: digits without a leading zero.
    static func index(_ name: String) -> Int? {
        let digits = name.utf8
        guard (1...9).contains(digits.count),
            digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            digits.count == 1 || digits.first != UInt8(ascii: "0")
        else { return nil }
        return Int(name)
    }
}

extension JSON {
    /// The value at that place; `nil` if there is none.
    package subscript(pointer: JSONPointer) -> JSON? {
        var value = self
        for name in pointer.names {
            switch value {
            case .object:
                guard let member = value[name] else { return nil }
                value = member
            case .array(let elements):
                guard let index = JSONPointer.index(name), index < elements.count else { return nil }
                value = elements[index]
            case .null, .bool, .number, .string: return nil
            }
        }
        return value
    }
}
