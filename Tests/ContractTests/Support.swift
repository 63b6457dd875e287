import Foundation
import OTPContract
import Testing

/// What the tests of this target share: golden files, sample values, and a generator that repeats itself.
enum Golden {
    /// The bytes of a golden file, without the line feed that ends it.
    static func bytes(_ name: String) throws -> [UInt8] {
        let url = try #require(Bundle.module.url(forResource: "Golden/\(name)", withExtension: nil))
        let bytes = [UInt8](try Data(contentsOf: url))
        return bytes.last == UInt8(ascii: "\n") ? bytes.dropLast() : bytes
    }

    static func lines(_ name: String) throws -> [String] {
        String(decoding: try bytes(name), as: UTF8.self).split(separator: "\n").map(String.init)
    }
}

enum Sample {
    static let source = Coordinates(topic: "otp.verify.commands", partition: 3, offset: 42)
    static let key = Array("123456".utf8)
    static let minimal = #"{"user_gsm":"5324818942","otp_session_id":"123456","otp_code":"ART2"}"#

    static func decode(
        _ value: String?,
        key: [UInt8]? = key,
        headers: [Header] = [],
        decoder: CommandDecoder = CommandDecoder()
    ) -> Result<VerifyCommand, Rejection> {
        decoder.decode(key: key, value: value.map { Array($0.utf8) }, headers: headers, at: source)
    }

    static func rejection(of value: String?, key: [UInt8]? = key, headers: [Header] = []) throws -> Rejection {
        switch decode(value, key: key, headers: headers) {
        case .success: throw Unexpected()
        case .failure(let rejection): rejection
        }
    }

    struct Unexpected: Error {}
}

func utf8(_ bytes: [UInt8]) -> String {
    String(decoding: bytes, as: UTF8.self)
}
