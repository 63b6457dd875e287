import Contract

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What a text setting accepts.
struct TextRule: Sendable {
    let range: String
    let remedy: String
    let accepts: @Sendable (String) -> Bool

    func check(_ text: String) throws(Setting.Fault) -> String {
        guard accepts(text) else {
            throw Setting.Fault(what: "\(Setting.quoted(text)) cannot be used", remedy: remedy)
        }
        return text
    }

    /// Any text of one line.
    static let line = TextRule(
        range: "1 to 249 characters",
        remedy: "write 1 to 249 characters without a quote, a backslash, a line break or other control character"
    ) { text in
        // A quote would break the statistics that the Kafka client writes.
        (1...249).contains(text.count)
            && !text.unicodeScalars.contains { $0.steersDisplay || $0 == "\"" || $0 == "\\" }
    }

    /// Kafka's own topics begin with two underscores: nobody but brokers may write there.
    static let topic = TextRule(
        range: "a topic's name",
        remedy:
            "write 1 to 249 letters, digits, dots, underscores and hyphens; two underscores begin Kafka's own topics"
    ) { isName($0) && !$0.hasPrefix("__") }

    /// What goes into records, ids and logs as it is: a worker's name, a slot.
    static let name = TextRule(
        range: "1 to 249 letters, digits, dots, underscores and hyphens",
        remedy: "write 1 to 249 letters (A-Z, a-z), digits, dots, underscores and hyphens"
    ) { isName($0) }

    /// What Kafka takes for a name.
    static func isName(_ text: String) -> Bool {
        (1...249).contains(text.utf8.count) && text != "." && text != ".."
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    static let hostName = TextRule(
        range: "a host's name",
        remedy: "write a name without scheme and port, such as otp-worker.internal"
    ) { text in
        (1...253).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    static let brokers = TextRule(
        range: "host:port, comma-separated",
        remedy: "write host:port, several separated by commas, such as kafka-1:9092,kafka-2:9092; an IPv6 address in"
            + " brackets, such as [::1]:9092"
    ) { text in
        text.split(separator: ",", omittingEmptySubsequences: false).allSatisfy { part in
            let part = part.drop { $0 == " " }
            guard let colon = part.lastIndex(of: ":"), colon != part.startIndex, !part.contains(" "),
                !part.contains("/")
            else { return false }
            // An IPv6 address without brackets cannot be told from its port.
            let host = part[..<colon]
            guard !host.contains(":") || (host.hasPrefix("[") && host.hasSuffix("]")) else { return false }
            return (1...65_535).contains(Int(part[part.index(after: colon)...]) ?? 0)
        }
    }

    static let file = TextRule(
        range: "path of a readable file",
        remedy: "name a file that exists and that this user may read"
    ) { FileManager.default.isReadableFile(atPath: $0) }
}
