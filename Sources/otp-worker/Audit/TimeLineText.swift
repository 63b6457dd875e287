package import OTPAudit
import OTPContract

/// A session's time line for people and for programs.
package enum TimeLineText {
    package static func lines(_ line: TimeLine, columns: Int? = nil) -> [String] {
        let entries = line.entries()
        guard let first = entries.first else { return [line.summary] }
        let rows = entries.map { entry in
            [
                String(entry.time.iso8601.dropFirst(11).dropLast()),
                "+\(entry.time.milliseconds - first.time.milliseconds)",
                entry.kind,
                entry.command.map { "\($0.partition)/\($0.offset)" } ?? "",
                entry.coordinates.map(\.description) ?? "",
                entry.text,
            ]
        }
        let table = TextTable([
            .init("TIME", worth: 4), .init("MS", .right, worth: 3), .init("WHAT", tight: 6, worth: 6),
            .init("COMMAND", worth: 2), .init("READ AT", worth: 1), .init("SAYS", least: 20, tight: 12, worth: 5),
        ])
        return [line.summary, "from \(first.time.iso8601), times in UTC", "", table.text(rows, columns: columns)]
    }

    /// One JSON object on one line.
    package static func json(_ line: TimeLine) -> [UInt8] {
        var json = JSONWriter(capacity: 4_096)
        json.beginObject()
        json.key("otp_session_id")
        json.string(line.session.text)
        json.key("summary")
        json.string(line.summary)
        json.key("events")
        json.beginArray()
        for entry in line.entries() {
            json.beginObject()
            json.key("time")
            json.time(entry.time)
            json.key("what")
            json.string(entry.kind)
            for (name, coordinates) in [("command", entry.command), ("record", entry.coordinates)] {
                guard let coordinates else { continue }
                json.key(name)
                json.string("\(coordinates)")
            }
            json.key("text")
            json.string(entry.text)
            json.endObject()
        }
        json.endArray()
        json.endObject()
        return json.bytes
    }
}
