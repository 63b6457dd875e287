import Crypto
package import OTPContract
package import OTPEngine

/// Makes the digests by which sessions and questions are known: none of them can be turned back into a phone number or a code.
///
/// The key is the ledger's own where one is given; else it is derived from the upstream's secret key, so that a whole fleet agrees
/// without another secret. A change of either is noticed by the key id, and what was written before is then in doubt.
package struct Fingerprinter: Sendable {
    /// Characters of a key with which codes cannot be found by trying keys, if they were drawn at random.
    package static let shortestKey = 16

    /// Begun with the key; a copy of it goes on with a message, so that the key is not prepared for each.
    private let keyed: HMAC<SHA256>
    package let keyID: UInt32

    /// - Parameters:
    ///   - secret: the ledger's own secret, or the upstream's key.
    ///   - isLedgers: which of the two it is; the same text gives another key.
    package init(secret: Secret, isLedgers: Bool = false) {
        let key = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: SymmetricKey(data: Array(secret.revealed.utf8)),
            info: Array((isLedgers ? "otp-worker ledger v2" : "otp-worker fingerprint v2").utf8),
            outputByteCount: 32
        )
        keyed = HMAC(key: key)
        let id = Self.code(of: Array("otp-worker key id v1".utf8), keyed)
        keyID = id.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    private static func code(of message: [UInt8], _ keyed: HMAC<SHA256>) -> HMAC<SHA256>.MAC {
        var code = keyed
        code.update(data: message)
        return code.finalize()
    }

    /// Session, phone and code as one question: a digest seen in one session says nothing about another.
    package func fingerprint(session: SessionID, phone: PhoneNumber, code: OTPCode) -> Fingerprint {
        // Neither session nor phone holds a zero byte, so the three cannot run into each other.
        let question = Array(session.text.utf8) + [0] + Array(phone.revealed.utf8) + [0] + Array(code.revealed.utf8)
        let words = Self.words(Self.code(of: question, keyed))
        return Fingerprint(keyID: keyID, high: words.high, low: words.low)
    }

    /// A phone, for counting guesses at it: no question begins with a zero byte.
    package func digest(_ phone: PhoneNumber) -> PhoneDigest {
        PhoneDigest(value: Self.words(Self.code(of: [0] + Array(phone.revealed.utf8), keyed)).high)
    }

    /// A record's key, or a digest of it where it could be somebody's phone or card number: equal keys have equal digests.
    package func concealingNumbers(in recordKey: [UInt8]) -> [UInt8] {
        guard PersonalNumber.isFound(in: recordKey) else { return recordKey }
        let message = [0] + Array("otp-worker record key v1\0".utf8) + recordKey
        return DeadLetter.concealed(digest: Self.code(of: message, keyed).prefix(16))
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
