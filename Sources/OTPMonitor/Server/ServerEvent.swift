import OTPContract

/// Server-sent events as bytes.
enum ServerEvent {
    /// A browser that lost the stream asks again after so long.
    static let opening = Array("retry: 2000\n\n".utf8)
    static let beat = Array("event: beat\ndata: \n\n".utf8)

    /// One line of JSON, for a line feed would end the data.
    static func part(_ id: Overview.Part, _ html: HTML) -> [UInt8] {
        var json = JSONWriter(capacity: html.text.utf8.count + 64)
        json.beginObject()
        json.key("id")
        json.string(id.rawValue)
        json.key("html")
        json.string(html.text)
        json.endObject()
        return Array("event: part\ndata: ".utf8) + json.bytes + Array("\n\n".utf8)
    }
}
