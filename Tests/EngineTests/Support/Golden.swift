import Foundation
import Testing

/// Files that fix a binary form for good: lines of hex digits, and comments after `#`.
enum Golden {
    static func lines(_ name: String) throws -> [String] {
        let url = try #require(Bundle.module.url(forResource: name, withExtension: "txt", subdirectory: "Golden"))
        return try String(contentsOf: url, encoding: .utf8).split(separator: "\n").map(String.init)
            .filter { !$0.hasPrefix("#") }
    }

    /// A line `key …` and a line `value …`, or `value null`.
    static func keyAndValue(_ name: String) throws -> (key: [UInt8], value: [UInt8]?) {
        var key: [UInt8] = []
        var value: [UInt8]?
        for line in try lines(name) {
            let words = line.split(separator: " ")
            switch words.first {
            case "key": key += try bytes(words.dropFirst())
            case "value" where words.last != "null": value = try (value ?? []) + bytes(words.dropFirst())
            case "value": break
            default: Issue.record("\(name) holds a line that is neither key nor value: \(line)")
            }
        }
        return (key, value)
    }

    private static func bytes(_ words: ArraySlice<Substring>) throws -> [UInt8] {
        try words.map { try #require(UInt8($0, radix: 16)) }
    }
}
