/// The header `traceparent` of W3C Trace Context, as far as a log line needs it.
///
/// It judges strictly: what is no trace id by the specification is none at all, so that nothing a producer writes reaches a log.
package enum TraceParent {
    package static let name = "traceparent"

    /// The trace's 32 hexadecimal digits, from the header that is sent on; nil when there is none or it breaks the rules.
    package static func traceID(in headers: [Header]) -> String? {
        guard let value = headers.first(where: { $0.name == name })?.value, value.count >= 55 else { return nil }
        let fields = value.prefix(55).split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard fields.map(\.count) == [2, 32, 16, 2], fields.allSatisfy({ $0.allSatisfy(isHexadecimal) }),
            !fields[0].elementsEqual("ff".utf8), !isZero(fields[1]), !isZero(fields[2])
        else { return nil }
        // Version 00 ends here; later ones may go on after another hyphen.
        guard value.count == 55 || (!isZero(fields[0]) && value[55] == UInt8(ascii: "-")) else { return nil }
        return String(decoding: fields[1], as: UTF8.self)
    }

    /// Capital letters are not allowed.
    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): true
        default: false
        }
    }

    private static func isZero(_ field: ArraySlice<UInt8>) -> Bool { field.allSatisfy { $0 == UInt8(ascii: "0") } }
}
