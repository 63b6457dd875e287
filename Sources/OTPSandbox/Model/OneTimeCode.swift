import Crypto

/// The right code of a session, as a function of its id.
///
/// It decides nothing about who may use it, or how long.
package enum OneTimeCode {
    private static let hex = Array("0123456789abcdef".utf8)
    private static let alphabet = Array("ABCDEFGHJKLMNPQRSTUVWXYZ23456789".utf8)

    /// The code that `send_otp` sends: four letters or digits, made from the session id and the seed.
    package static func sent(for session: String, seed: UInt64) -> String {
        let digest = SHA256.hash(data: Array("\(seed)\n\(session)".utf8))
        return String(decoding: digest.prefix(4).map { alphabet[Int($0) % alphabet.count] }, as: UTF8.self)
    }

    /// The code of a session that nobody sent: the last four ASCII letters or digits of its id, in upper case, with
    /// zeros in front where there are fewer.
    ///
    /// In a shell: `printf '0000%s' "$id" | tr -cd 'A-Za-z0-9' | tail -c 4 | tr a-z A-Z`; in Python:
    /// `("0000" + re.sub("[^A-Za-z0-9]", "", id))[-4:].upper()`.
    package static func implicit(for session: String) -> String {
        var last: [UInt8] = []
        for byte in session.utf8.reversed() where last.count < 4 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"): last.append(byte - 32)
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): last.append(byte)
            default: break
            }
        }
        let zeros = [UInt8](repeating: UInt8(ascii: "0"), count: 4 - last.count)
        return String(decoding: zeros + last.reversed(), as: UTF8.self)
    }

    /// What stands for phone and code in the journal: the first 7 bytes of SHA-256 of `phone`, a line feed and `code`,
    /// in hexadecimal.
    package static func digest(phone: String, code: String) -> String {
        let bytes = SHA256.hash(data: Array("\(phone)\n\(code)".utf8)).prefix(7)
        return String(decoding: bytes.flatMap { [hex[Int($0 >> 4)], hex[Int($0 & 15)]] }, as: UTF8.self)
    }
}
