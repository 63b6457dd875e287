import OTPContract

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Who may look: bearer tokens for programs, names with passwords for browsers.
///
/// A file has one a line, `bearer TOKEN` or `basic NAME:PASSWORD`; empty lines and those that begin with `#` say nothing.
package struct Credentials: Sendable, Redacting {
    /// Why a file cannot be used; it never repeats what the file says.
    package struct Fault: Error, Equatable, CustomStringConvertible {
        package var description: String
    }

    /// Bytes of a token or a password: guessing one takes longer than anybody lives.
    package static let minimumBytes = 16
    package static let maximumBytes = 65_536
    package static let maximumCount = 64

    /// What a header of `Authorization` must say behind its scheme, as bytes.
    private var tokens: [[UInt8]] = []
    private var passwords: [[UInt8]] = []

    package init(parsing text: String) throws(Fault) {
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let words = line.split(separator: " ", maxSplits: 1).map { $0.trimmed }
            guard let kind = words.first, !kind.hasPrefix("#") else { continue }
            let location = "line \(index + 1)"
            guard words.count == 2 else {
                throw Fault(description: "\(location): write bearer TOKEN, or basic NAME:PASSWORD")
            }
            switch kind {
            case "bearer":
                try Self.check(words[1], location)
                tokens.append(Array(words[1].utf8))
            case "basic":
                guard let colon = words[1].firstIndex(of: ":"), colon != words[1].startIndex else {
                    throw Fault(description: "\(location): write basic NAME:PASSWORD")
                }
                try Self.check(String(words[1][colon...].dropFirst()), location)
                passwords.append(Array(Data(words[1].utf8).base64EncodedString().utf8))
            default: throw Fault(description: "\(location): neither bearer nor basic")
            }
        }
        guard !tokens.isEmpty || !passwords.isEmpty else { throw Fault(description: "it names nobody") }
        guard tokens.count + passwords.count <= Self.maximumCount else {
            throw Fault(description: "it names more than \(Self.maximumCount)")
        }
    }

    private static func check(_ secret: String, _ location: String) throws(Fault) {
        guard secret.utf8.count >= minimumBytes else {
            throw Fault(description: "\(location): the secret has fewer than \(minimumBytes) bytes")
        }
        guard secret.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw Fault(description: "\(location): the secret has a blank, or a character that is not ASCII")
        }
    }

    /// Whether a request's `Authorization` is that of somebody who may look.
    ///
    /// Takes the same time whichever it is compared with, and wherever they differ.
    package func accept(_ authorization: String?) -> Bool {
        guard let authorization, let blank = authorization.firstIndex(of: " ") else { return false }
        let known =
            switch authorization[..<blank].lowercased() {
            case "bearer": tokens
            case "basic": passwords
            default: [[UInt8]]()
            }
        let given = Array(authorization[blank...].utf8.drop { $0 == UInt8(ascii: " ") })
        return known.reduce(false) { found, secret in Self.areEqual(given, secret) || found }
    }

    private static func areEqual(_ given: [UInt8], _ secret: [UInt8]) -> Bool {
        var difference = given.count ^ secret.count
        for index in given.indices { difference |= Int(given[index] ^ secret[index % secret.count]) }
        return difference == 0
    }
}

extension Substring {
    fileprivate var trimmed: String {
        String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }
}
