/// A CloudEvents 1.0 envelope around a command.
///
/// In binary mode the attributes are headers and the value is the command; in structured mode the value is a JSON object that
/// holds both. Only what a command needs of an event is read: unknown attributes are ignored.
struct CloudEvent {
    /// The event's own name, if it is usable as an identifier.
    let id: String?
    /// `traceparent` and `tracestate` of the distributed-tracing extension.
    let trace: [Header]

    /// The attributes of an event in binary mode.
    init(headers: [Header]) {
        let value = headers.last { $0.name == Self.idHeader }?.value
        id = value.flatMap { $0.count <= Identifier.maximumBytes ? String(validating: $0, as: UTF8.self) : nil }
            .flatMap { Identifier.isClear($0) ? $0 : nil }
        trace = Self.traceNames.compactMap { name, attribute in
            headers.last { $0.name == attribute }?.value.map { Header(name: name, value: $0) }
        }
    }

    /// The attributes of an event in structured mode.
    init(_ event: JSON) {
        id = event["id"]?.string.flatMap { Identifier.isClear($0) ? $0 : nil }
        trace = Self.traceNames.compactMap { name, _ in event[name]?.string.map { Header(name: name, text: $0) } }
    }

    private static let traceNames = [("traceparent", "ce_traceparent"), ("tracestate", "ce_tracestate")]
    private static let idHeader = "ce_id"
    static let typeHeader = "content-type"
    /// Headers of an event whose values are sent on.
    static let traceHeaders = traceNames.map(\.1)
    /// Headers of an event that are only judged.
    static let judgedHeaders = [idHeader, typeHeader]

    // MARK: Structured mode

    /// Whether the value is said to be an event in structured mode, by the header `content-type` in any case.
    static func isStructured(_ headers: [Header]) throws(Refusal) -> Bool {
        guard let value = headers.last(where: { $0.name.lowercased() == typeHeader })?.value,
            let type = MediaType(value), type.name.hasPrefix("application/cloudevents")
        else { return false }
        if type.name.hasPrefix("application/cloudevents-batch") {
            throw Refusal(.malformed, "content-type: a batch of CloudEvents is not read: send one event per record")
        }
        guard type.name == "application/cloudevents+json" else {
            throw Refusal(
                .malformed,
                "content-type: of the formats of CloudEvents only application/cloudevents+json is read"
            )
        }
        guard type.isUTF8 else { throw Refusal(.malformed, "content-type: the charset must be UTF-8") }
        return true
    }

    /// Whether an object has the form of an event, whatever is said of it: libraries leave the header out, or put the type of the
    /// data there.
    static func isStructured(_ object: JSON) -> Bool {
        present(object["specversion"]) != nil
            && (present(object["data"]) != nil || present(object["data_base64"]) != nil)
    }

    /// Whether it has a part of that form.
    static func resembles(_ object: JSON) -> Bool {
        ["specversion", "data", "data_base64"].contains { object[$0] != nil }
    }

    /// What an event in structured mode carries: JSON as a value, or the bytes of one.
    enum Data {
        case json(JSON)
        case bytes([UInt8])
    }

    static func data(of event: JSON) throws(Refusal) -> Data {
        guard event["specversion"]?.string == "1.0" else {
            throw Refusal(.malformed, "the CloudEvent's specversion must be \"1.0\"")
        }
        if let type = event["datacontenttype"], type != .null {
            guard let text = type.string, MediaType(Array(text.utf8))?.isJSON == true else {
                throw Refusal(.malformed, "the CloudEvent's datacontenttype must be application/json")
            }
        }
        switch (present(event["data"]), present(event["data_base64"])) {
        case (nil, nil): throw Refusal(.malformed, "the CloudEvent has no data")
        case (_?, _?): throw Refusal(.malformed, "the CloudEvent has both data and data_base64")
        case (let data?, nil):
            guard case .object = data else { throw Refusal(.malformed, "the CloudEvent's data is not a JSON object") }
            return .json(data)
        case (nil, let encoded?):
            guard let text = encoded.string, let bytes = Base64.decode(text) else {
                throw Refusal(.malformed, "the CloudEvent's data_base64 is not base64")
            }
            return .bytes(bytes)
        }
    }

    private static func present(_ value: JSON?) -> JSON? { value == .null ? nil : value }
}

/// A media type as headers write it, in lower case and without the parameters but `charset`.
private struct MediaType {
    let name: String
    private let charset: String?

    /// `nil` if it is no text, or longer than any that is meant here.
    init?(_ bytes: [UInt8]) {
        guard bytes.count <= 256, let text = String(validating: bytes, as: UTF8.self) else { return nil }
        let parts = text.lowercased().split(separator: ";").map { $0.filter { !$0.isWhitespace && $0 != "\"" } }
        name = parts.first ?? ""
        charset = parts.dropFirst().first { $0.hasPrefix("charset=") }.map { String($0.dropFirst("charset=".count)) }
    }

    /// ASCII is UTF-8 too.
    var isUTF8: Bool { charset.map { ["utf-8", "utf8", "us-ascii"].contains($0) } ?? true }

    var isJSON: Bool { (name == "application/json" || name == "text/json" || name.hasSuffix("+json")) && isUTF8 }
}

/// RFC 4648, with padding and nothing else beside the alphabet.
enum Base64 {
    static func decode(_ text: String) -> [UInt8]? {
        let characters = Array(text.utf8)
        guard characters.count.isMultiple(of: 4) else { return nil }
        let padding = characters.reversed().prefix { $0 == UInt8(ascii: "=") }.count
        guard padding <= 2 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(characters.count / 4 * 3)
        var bits: UInt32 = 0
        for (index, character) in characters.dropLast(padding).enumerated() {
            guard let value = value(of: character) else { return nil }
            bits = bits << 6 | UInt32(value)
            if index % 4 == 3 {
                bytes += [UInt8(bits >> 16 & 0xff), UInt8(bits >> 8 & 0xff), UInt8(bits & 0xff)]
                bits = 0
            }
        }
        // What the padding stands for must be zero: one meaning, one spelling.
        switch padding {
        case 1:
            guard bits & 0b11 == 0 else { return nil }
            bytes += [UInt8(bits >> 10 & 0xff), UInt8(bits >> 2 & 0xff)]
        case 2:
            guard bits & 0b1111 == 0 else { return nil }
            bytes.append(UInt8(bits >> 4 & 0xff))
        default: break
        }
        return bytes
    }

    private static func value(of character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): character - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): character - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0") + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
