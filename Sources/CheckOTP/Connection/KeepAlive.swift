/// Reads how long the upstream keeps an idle connection: `Keep-Alive: timeout=5, max=100`.
///
/// A request that crosses the upstream's close is lost, and nobody can say whether it was processed.
enum KeepAlive {
    /// How much earlier a connection is given up: the upstream's time began when it had written the answer, and the next request is a
    /// journey away from it too.
    static let margin = Duration.seconds(1)

    /// Nil where the field names no time-out.
    static func timeout(_ value: some Collection<UInt8>) -> Duration? {
        for parameter in value.split(separator: UInt8(ascii: ",")) {
            let parts = parameter.split(separator: UInt8(ascii: "="), maxSplits: 1)
            guard parts.count == 2, matches(trimmed(parts[0]), "timeout") else { continue }
            let digits = trimmed(parts[1])
            guard !digits.isEmpty, digits.allSatisfy(isDigit) else { return nil }
            // Too many digits for an Int32 are as good as no limit.
            return Int32(String(decoding: digits, as: UTF8.self)).map { .seconds(Int64($0)) }
        }
        return nil
    }

    /// How long after an answer another request may be written: until the margin, or for half the time where that is short.
    static func use(of timeout: Duration) -> Duration { max(timeout - margin, timeout / 2) }

    private static func trimmed(_ bytes: some Collection<UInt8>) -> [UInt8] {
        let isPadding = { (byte: UInt8) in byte == 0x20 || byte == 0x09 || byte == UInt8(ascii: "\"") }
        return Array(bytes.drop(while: isPadding).reversed().drop(while: isPadding).reversed())
    }
}
