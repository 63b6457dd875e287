import OTPContract

/// Reads a line of the sandbox's journal.
///
/// Phone and code, which a journal may show in clear, are not taken.
package enum JournalLine {
    /// It is no line of a journal.
    package struct Unreadable: Error, Equatable {}

    /// Whether a text that has no end yet can become a line.
    package static func mayBegin(_ text: [UInt8]) -> Bool {
        let start = Array("{\"sequence\":".utf8)
        return text.starts(with: start) || start.starts(with: text)
    }

    /// The call that a line tells, without its line feed.
    ///
    /// - Returns: nil for a call of another operation than `check_otp`, and for one that only looks (`otp-worker doctor`).
    package static func parse(_ line: [UInt8]) throws(Unreadable) -> CallFact? {
        guard let json = try? JSON.parse(line), let path = json["path"]?.string,
            let sequence = json["sequence"]?.integer, let time = json["time"]?.integer
        else { throw Unreadable() }
        guard path.hasSuffix("/check_otp"), json["method"]?.string == "POST" else { return nil }
        return CallFact(
            sequence: sequence,
            time: WallTime(milliseconds: Int64(time)),
            session: json["otp_session_id"]?.string.flatMap(SessionID.init),
            question: json["digest"]?.string.flatMap { Question($0, radix: 16) },
            right: json["right"]?.bool ?? false,
            processed: json["processed"]?.bool ?? false,
            status: json["status"]?.integer,
            code: json["code"]?.integer,
            overlapping: json["overlapping"]?.bool ?? false
        )
    }
}
