import Contract
import Engine

extension UpstreamAnswer.Body {
    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// What a body says, or nil unless it is one JSON object.
    ///
    /// A member of an unusable type is as good as absent.
    init?(json bytes: [UInt8]) {
        let text = bytes.starts(with: Self.byteOrderMark) ? Array(bytes.dropFirst(3)) : bytes
        guard let json = try? JSON.parse(text), case .object = json else { return nil }
        self.init(
            code: Self.number(json["code"]),
            resultCode: Self.number(json["result_code"]),
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
}
