package import Contract
import Crypto
package import Engine

/// Makes the digests by which sessions and questions are known: none of them can be turned back into a phone number or a code.
///
/// The key is derived from the upstream's secret key, so that a whole fleet agrees without a secret of its own, and a change of
/// that key is noticed by the key id.
package struct Fingerprinter: Sendable {
    private let key: SymmetricKey
    package let keyID: UInt32

    package init(secret: Secret) {
        key = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: SymmetricKey(data: Array(secret.revealed.utf8)),
            info: Array("otp-worker fingerprint v1".utf8),
            outputByteCount: 32
        )
        let id = HMAC<SHA256>.authenticationCode(for: Array("otp-worker key id v1".utf8), using: key)
        keyID = id.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// Phone and code as one question.
    package func fingerprint(phone: PhoneNumber, code: OTPCode) -> Fingerprint {
        // A phone number has a fixed length and no zero byte, so the two cannot run into each other.
        let question = Array(phone.revealed.utf8) + [0] + Array(code.revealed.utf8)
        let words = Self.words(HMAC<SHA256>.authenticationCode(for: question, using: key))
        return Fingerprint(keyID: keyID, high: words.high, low: words.low)
    }

    /// A record's key, or a digest of it where it could be somebody's phone or card number: equal keys have equal digests.
    package func concealingNumbers(in recordKey: [UInt8]) -> [UInt8] {
        guard PersonalNumber.isFound(in: recordKey) else { return recordKey }
        let message = Array("otp-worker record key v1\0".utf8) + recordKey
        let digest = HMAC<SHA256>.authenticationCode(for: message, using: key)
        return DeadLetter.concealed(digest: digest.prefix(16))
    }

    /// A session's identity in memory; the id itself is no secret, so this takes no key.
    package static func digest(_ session: SessionID) -> SessionDigest {
        let words = words(SHA256.hash(data: Array(session.text.utf8)))
        return SessionDigest(high: words.high, low: words.low)
    }

    private static func words(_ digest: some Sequence<UInt8>) -> (high: UInt64, low: UInt64) {
        var words: (high: UInt64, low: UInt64) = (0, 0)
        for (index, byte) in digest.prefix(16).enumerated() {
            if index < 8 {
                words.high = words.high << 8 | UInt64(byte)
            } else {
                words.low = words.low << 8 | UInt64(byte)
            }
        }
        return words
    }
}
