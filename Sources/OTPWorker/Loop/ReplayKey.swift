import Crypto
package import OTPContract
package import OTPKafka

/// Makes and judges the proof that a command's marks of a replay were written by `otp-worker dead-letters replay`.
///
/// Its key is derived from the fleet's secret, which producers do not have. It shows neither.
package struct ReplayKey: Sendable {
    private let key: SymmetricKey

    /// - Parameter secret: ``WorkerConfiguration/digestSecret``.
    package init(secret: Secret) {
        key = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: SymmetricKey(data: Array(secret.revealed.utf8)),
            info: Array("otp-worker replay v1".utf8),
            outputByteCount: 32
        )
    }

    /// The proof for a replay with this key and value, as its header holds it.
    package func proof(of mark: ReplayMark, key recordKey: [UInt8]?, value: [UInt8]?) -> [UInt8] {
        proof(over: mark.statement(key: recordKey, keySize: recordKey?.count ?? 0, value: value))
    }

    /// How often a command was replayed; 0 where its headers do not prove it, and never more than can be.
    ///
    /// Of a value that was too large to be read nothing can be proven.
    package func replayCount(of record: ConsumedRecord) -> Int {
        guard record.valueSize == record.value?.count ?? 0 else { return 0 }
        let coordinates = Coordinates(topic: record.topic, partition: record.partition, offset: record.offset)
        return DeadLetter.replayCount(ofCommandWith: record.headers, at: coordinates) { mark, proof in
            let statement = mark.statement(key: record.key, keySize: record.keySize, value: record.value)
            return Self.areEqual(proof, self.proof(over: statement))
        }
    }

    private func proof(over statement: [UInt8]) -> [UInt8] {
        let hex = Array("0123456789abcdef".utf8)
        return HMAC<SHA256>.authenticationCode(for: statement, using: key)
            .prefix(ReplayMark.proofLength / 2)
            .flatMap { [hex[Int($0 >> 4)], hex[Int($0 & 15)]] }
    }

    /// Takes the same time wherever they differ, so that no proof is found character by character.
    private static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count && zip(left, right).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
