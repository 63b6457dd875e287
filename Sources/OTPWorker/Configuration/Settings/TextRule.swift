import NIOCore
import OTPContract

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What a text setting accepts.
struct TextRule: Sendable {
    let range: String
    let remedy: String
    /// A value that is not accepted, as a message may show it.
    var shown: @Sendable (String) -> String = { Setting.quoted($0) }
    let accepts: @Sendable (String) -> Bool

    func check(_ text: String) throws(Setting.Fault) -> String {
        guard accepts(text) else {
            throw Setting.Fault(what: "\(shown(text)) cannot be used", remedy: remedy)
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

    /// Where a server listens.
    ///
    /// What only looks like an address, such as `127.1` or `0`, is read in two ways, and `*` is a name that nobody has.
    static let listenAddress = TextRule(
        range: "an address of this machine, or a name of it",
        remedy: "write 127.0.0.1 or ::1 for this machine alone, 0.0.0.0 for all of its IPv4 addresses, :: for all"
    ) { text in
        // A link-local address has its interface behind it.
        if (try? SocketAddress(ipAddress: String(text.prefix { $0 != "%" }), port: 0)) != nil { return true }
        let last = text.split(separator: ".").last ?? ""
        let isNumber = last.allSatisfy(\.isNumber) || last.lowercased().hasPrefix("0x")
        return hostName.accepts(text) && !isNumber && !SecretShape.isKey(text)
    }

    static let brokers = TextRule(
        range: "host:port, comma-separated",
        remedy: "write host:port, several separated by commas, such as kafka-1:9092,kafka-2:9092; an IPv6 address in"
            + " brackets, such as [::1]:9092; a user and a password are kafka.properties.sasl.username and sasl.password",
        shown: { $0.contains("@") ? SecretShape.hiddenValue : Setting.quoted($0) }
    ) { text in
        // Whatever stands before it may be a password, and the address is shown in many places.
        guard !text.contains("@") else { return false }
        return isAddresses(text)
    }

    private static func isAddresses(_ text: String) -> Bool {
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
        remedy: "name a file that exists and that this user may read, by its path from / on; not what it holds",
        // The secret itself is put there by mistake.
        shown: { SecretShape.isPath($0) ? Setting.quoted($0) : SecretShape.hiddenValue }
    ) { FileManager.default.isReadableFile(atPath: $0) }
}
