import OTPContract
import OTPEngine

/// What an answer's body says, and what is wrong with it.
///
/// A member of an unusable type is as good as absent. A readable code counts whatever stands around it: text that is not
/// UTF-8 (Turkish banks send ISO-8859-9) or holds raw control characters costs the message, not the verdict.
struct AnswerBody: Equatable {
    /// Nil unless the body is one JSON object.
    var content: UpstreamAnswer.Body?
    var fault: BodyFault?

    /// - Parameters:
    ///   - bytes: as they came, without the framing of HTTP.
    ///   - isEncoded: the head names a `Content-Encoding`, which was not asked for.
    init(_ bytes: [UInt8], isEncoded: Bool = false) {
        let text = Self.fromUTF16(bytes) ?? bytes
        if let json = try? JSON.parse(text) {
            content = Self.content(of: json)
            fault = content == nil ? .notJSON : nil
        } else if let json = try? JSON.parse(text, .repairing), var readable = Self.content(of: json) {
            readable.message = nil
            content = readable
            fault = Self.isUTF8(text) ? .controlCharacters : .wrongCharset
        } else {
            fault = Self.fault(of: text, isEncoded: isEncoded)
        }
        if let content, content.code == nil, content.resultCode == nil { fault = fault ?? .noCode }
    }

    private static func content(of json: JSON) -> UpstreamAnswer.Body? {
        guard case .object = json else { return nil }
        return UpstreamAnswer.Body(
            code: number(json["code"]),
            resultCode: number(json["result_code"]),
            message: json["message"]?.string,
            type: json["type"]?.string
        )
    }

    /// A whole number, or a string that holds nothing but one: the documentation says the one and shows the other.
    private static func number(_ json: JSON?) -> Int? {
        if let integer = json?.integer { return integer }
        guard let text = json?.string, text.utf8.allSatisfy({ isDigit($0) || $0 == UInt8(ascii: "-") }) else {
            return nil
        }
        return Int(text)
    }

    /// The text in UTF-8, if it begins as JSON does in UTF-16: with its byte order mark, or with one zero beside the first brace.
    private static func fromUTF16(_ bytes: [UInt8]) -> [UInt8]? {
        guard bytes.count >= 2, bytes.count.isMultiple(of: 2) else { return nil }
        let isBigEndian: Bool
        switch (bytes[0], bytes[1]) {
        case (0xfe, 0xff), (0, UInt8(ascii: "{")): isBigEndian = true
        case (0xff, 0xfe), (UInt8(ascii: "{"), 0): isBigEndian = false
        default: return nil
        }
        let units = stride(from: 0, to: bytes.count, by: 2).map { index in
            UInt16(bytes[isBigEndian ? index : index + 1]) << 8 | UInt16(bytes[isBigEndian ? index + 1 : index])
        }
        return Array(String(decoding: units, as: UTF16.self).utf8)
    }

    private static func isUTF8(_ bytes: [UInt8]) -> Bool { String(validating: bytes, as: UTF8.self) != nil }

    private static func fault(of bytes: [UInt8], isEncoded: Bool) -> BodyFault {
        if bytes.isEmpty { return .empty }
        if isEncoded || compressions.contains(where: bytes.starts) { return .compressed }
        let text = bytes.drop { $0 <= 0x20 || $0 >= 0x80 }
        if text.first == UInt8(ascii: "<"), !text.starts(with: "<?xml".utf8) { return .html }
        return isUTF8(bytes) ? .notJSON : .wrongCharset
    }

    /// What gzip, zstd and the three usual levels of zlib begin with; Brotli has no mark of its own.
    private static let compressions: [[UInt8]] = [
        [0x1f, 0x8b], [0x28, 0xb5, 0x2f, 0xfd], [0x78, 0x01], [0x78, 0x9c], [0x78, 0xda],
    ]
}
