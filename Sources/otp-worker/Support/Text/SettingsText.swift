import OTPContract
package import OTPWorker

/// The settings in effect, as text for people and as JSON for programs.
package enum SettingsText {
    /// Below this many columns a line has no room for a name and its value.
    private static let leastColumns = 72

    package static func table(_ rows: [EffectiveSettings.Row], columns: Int? = nil) -> String {
        if let columns, columns < leastColumns { return list(rows, columns: columns) }
        let table = TextTable([
            .init("SETTING", worth: 3), .init("VALUE", least: 12, worth: 2), .init("SOURCE", least: 8, worth: 1),
        ])
        return table.text(rows.map { [$0.key, $0.value ?? "–", $0.origin.description] }, columns: columns)
    }

    /// One below the other, each on as many lines as it needs: nothing is cut.
    private static func list(_ rows: [EffectiveSettings.Row], columns: Int) -> String {
        rows.map { row in
            let lines = [(row.key, ""), (row.value ?? "–", "  "), ("(\(row.origin))", "  ")]
            return lines.map { wrapped($0.0.visible(), indent: $0.1, columns: columns) }.joined(separator: "\n")
        }.joined(separator: "\n")
    }

    private static func wrapped(_ text: String, indent: String, columns: Int) -> String {
        var lines: [String] = []
        var rest = text[...]
        repeat {
            let margin = lines.isEmpty ? indent : indent + "  "
            let room = max(1, columns - margin.count)
            lines.append(margin + rest.prefix(room))
            rest = rest.dropFirst(room)
        } while !rest.isEmpty
        return lines.joined(separator: "\n")
    }

    /// An array of `key`, `value` (null when nothing is set), `source` and `secret`.
    package static func json(_ rows: [EffectiveSettings.Row]) -> [UInt8] {
        var json = JSONWriter()
        json.beginArray()
        for row in rows {
            json.beginObject()
            json.key("key")
            json.string(row.key)
            json.key("value")
            if let value = row.value { json.string(value) } else { json.null() }
            json.key("source")
            json.string(row.origin.description)
            json.key("secret")
            json.bool(row.isSecret)
            json.endObject()
        }
        json.endArray()
        return json.bytes
    }
}
