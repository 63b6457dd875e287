import Contract
package import Worker

/// The settings in effect, as text for people and as JSON for programs.
package enum SettingsText {
    package static func table(_ rows: [EffectiveSettings.Row], columns: Int? = nil) -> String {
        let table = TextTable([
            .init("SETTING", worth: 3), .init("VALUE", least: 12, worth: 2), .init("SOURCE", least: 8, worth: 1),
        ])
        return table.text(rows.map { [$0.key, $0.value ?? "–", $0.place.description] }, columns: columns)
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
            json.string(row.place.description)
            json.key("secret")
            json.bool(row.isSecret)
            json.endObject()
        }
        json.endArray()
        return json.bytes
    }
}
